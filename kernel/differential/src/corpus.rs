//! Cases made by hand: what chance seldom reaches.

use crate::{
    case::{AuthorizationPlan, Case, GasPlan, Plan},
    cast::{self, CHAIN_ID},
    program::{Pieces, deployer, push_number, store},
};
use millrace_evm::TransactionType;
use millrace_primitives::{Address, Fork, H160, U256};

/// Gas with which calls reach a depth of 1,024: each keeps a 64th back.
const GAS_DEEP: u64 = 400_000_000_000;
/// With which creations do.
const GAS_DEEP_CREATIONS: u64 = 100_000_000_000_000;

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace([' ', '\n'], "")).unwrap_or_default()
}

/// One contract, called or created with this gas.
fn case(fork: Fork, contracts: Vec<Vec<u8>>, transactions: Vec<Plan>) -> Case {
    let pieces = |code: Vec<u8>| -> Pieces { vec![code] };
    let mut contracts: Vec<Pieces> = contracts.into_iter().map(pieces).collect();
    contracts.resize(cast::CONTRACTS, vec![]);
    Case { fork, base_fee: 7, beneficiary: H160::repeat_byte(0xfe), contracts, transactions }
}

fn call(to: Option<Address>, data: Vec<u8>, gas: u64) -> Plan {
    Plan {
        kind: TransactionType::DynamicFee,
        sender: 0,
        nonce_skew: 0,
        chain_id: Some(CHAIN_ID),
        to,
        value: U256::from(3),
        data: vec![data],
        gas: GasPlan::Fixed(gas),
        fee_cap: 10,
        tip: 1,
        access_list: vec![],
        authorizations: vec![],
    }
}

/// Counts in slot 0, then calls itself.
fn recursing(opcode: &str) -> Vec<u8> {
    let value = if matches!(opcode, "f1" | "f2") { "5f" } else { "" };
    hex(&format!("5f54 6001 01 5f55 5f5f5f5f {value} 30 5a {opcode} 50 00"))
}

/// Calls to a depth of 1,024, or as deep as the gas of the fork allows.
fn deep(fork: Fork) -> Vec<(&'static str, Case)> {
    let most = |gas: u64| if fork >= Fork::Osaka { 1 << 24 } else { gas };
    let first = Some(cast::contract(0));
    let called = |opcode| case(fork, vec![recursing(opcode)], vec![call(first, vec![], most(GAS_DEEP))]);
    // Calls an account that delegates to this very contract.
    let delegating = hex("5f54 6001 01 5f55 5f5f5f5f5f 610d00 5a f1 50 00");
    let created = |create: &str| {
        let data = hex(&format!("385f5f39 {create} 00"));
        case(fork, vec![], vec![call(None, data, most(GAS_DEEP_CREATIONS))])
    };
    vec![
        ("CALLs of itself", called("f1")),
        ("CALLCODEs of itself", called("f2")),
        ("DELEGATECALLs of itself", called("f4")),
        (
            "calls through delegations",
            case(fork, vec![delegating], vec![call(first, vec![], most(GAS_DEEP))]),
        ),
        ("CREATEs of itself", created("385f5ff0")),
        ("CREATE2s of itself", created("5f385f5ff5")),
    ]
}

/// A contract that is destroyed where it was made, with wei, and made again.
fn destruction(fork: Fork) -> Vec<(&'static str, Case)> {
    let create2 = |runtime: &str, after: &str| {
        let code = deployer(&hex(runtime));
        let size = push_number(code.len() as u64);
        // create2(0 wei, code, salt 0), of which the address stays on the stack.
        [store(&code), vec![0x5f], size, vec![0x5f, 0x5f, 0xf5], hex(after)].concat()
    };
    let first = Some(cast::contract(0));
    let twice = |code: Vec<u8>| {
        let calls = vec![call(first, vec![], 1_000_000), call(first, vec![], 1_000_000)];
        case(fork, vec![code], calls)
    };
    // Calls it with 2 wei, again with 1, and keeps its balance.
    let calls = "5f5f5f5f 6002 85 5a f1 50 5f5f5f5f 6001 85 5a f1 50 31 6001 55";
    vec![
        ("destroyed for its caller", twice(create2("33ff", calls))),
        ("destroyed for itself", twice(create2("30ff", calls))),
        ("destroyed for nobody", twice(create2("610e00ff", calls))),
        ("an old contract destroyed for itself", twice(hex("30ff"))),
        ("an old contract destroyed for another", twice(hex("610e00ff"))),
        // A slot of its own before it goes.
        ("destroyed with storage", twice(create2("6001 5f55 33ff", calls))),
        ("collides with itself", twice([create2("00", ""), create2("00", "6002 55 6003 55")].concat())),
    ]
}

/// Delegations, one of which is by the sender itself.
fn delegation(fork: Fork) -> Vec<(&'static str, Case)> {
    let authorizes = |signer: usize, address: Address| AuthorizationPlan {
        signer,
        chain_id: U256::zero(),
        address,
        nonce_skew: Some(0),
        flaw: None,
    };
    let sends = |to: Address, authorizations: Vec<AuthorizationPlan>, gas: GasPlan| Plan {
        kind: TransactionType::SetCode,
        gas,
        authorizations,
        ..call(Some(to), vec![], 0)
    };
    let plenty = GasPlan::Fixed(1_000_000);
    let again = |one: &AuthorizationPlan, more| AuthorizationPlan { nonce_skew: Some(more), ..one.clone() };
    // Looks at a delegating account in every way, and calls it.
    let looking = hex("610d00 3b 6001 55 610d00 3f 6002 55 6020 5f 5f 610d00 3c 5f 51 6003 55
        5f5f5f5f 610d00 612710 fa 6004 55 5f5f5f5f5f 610d02 612710 f1 6005 55 5f5f5f5f5f 610d03 612710 f1 6006 55");
    let storing = hex("6001 6009 55 5a 600a 55 00");
    let one = |plans: Vec<Plan>| case(fork, vec![storing.clone(), looking.clone()], plans);
    let mine = authorizes(0, cast::contract(0));
    let stranger = authorizes(4, cast::contract(0));
    let back = AuthorizationPlan { address: Address::zero(), ..again(&mine, 1) };
    vec![
        ("looks at delegations", one(vec![call(Some(cast::contract(1)), vec![], 1_000_000)])),
        ("delegates itself", one(vec![sends(cast::contract(1), vec![mine.clone()], plenty)])),
        (
            "delegates itself and takes it back",
            one(vec![sends(cast::contract(1), vec![mine.clone(), back], plenty)]),
        ),
        (
            "the same twice",
            one(vec![sends(cast::nobody(), vec![stranger.clone(), stranger.clone()], plenty)]),
        ),
        (
            "one after the other",
            one(vec![sends(cast::nobody(), vec![stranger.clone(), again(&stranger, 1)], plenty)]),
        ),
        (
            "no gas but for the authorization",
            one(vec![sends(cast::nobody(), vec![stranger], GasPlan::Intrinsic(0))]),
        ),
        ("a call of itself", one(vec![call(Some(cast::delegated(2)), vec![], 60_000)])),
    ]
}

/// All of a fork.
pub fn all(fork: Fork) -> Vec<(&'static str, Case)> {
    let code = |size: usize| vec![0x5b; size];
    let sized = |size| case(fork, vec![], vec![call(None, code(size), 3_000_000)]);
    let mut all = vec![
        ("the longest code that makes a contract", sized(49_152)),
        ("a longer one", sized(49_153)),
        (
            "call data at the floor",
            case(fork, vec![vec![0x00]], vec![call(Some(cast::contract(0)), code(3_000), 200_000)]),
        ),
    ];
    all.extend([deep(fork), destruction(fork), delegation(fork)].into_iter().flatten());
    all
}
