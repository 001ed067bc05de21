//! The bridge of tickets: who may withdraw whose, what a contract that owns tickets is asked, and what is left when it says
//! no.

use crate::bridge::{Argument, CONTRACT, MUTEZ, RECEIVER, abi, counter, number, reason, relay, send, text};
use crate::support::{Broken, Chain, Memory, address, code, dynamic, user};
use millrace_evm::{
    Call, Changes, Outcome, TransactionError,
    execute::tickets::{self, TicketDeposit},
    keccak, simulate,
    system::{
        FA_BRIDGE, FastWithdrawal, MESSAGE_BYTES_MAX, NATIVE_BRIDGE, PROXY_CALLER, Way, Withdrawal,
        WithdrawnTicket,
    },
};
use millrace_primitives::{Address, ContractHash, H256, L1Account, Log, U256};

const OWNER: Address = millrace_primitives::H160([0x0e; 20]);
const TICKETER: [u8; 22] = {
    let mut bytes = [0x22; 22];
    (bytes[0], bytes[21]) = (1, 0);
    bytes
};
const PROXY: [u8; 22] = {
    let mut bytes = [0x44; 22];
    (bytes[0], bytes[21]) = (1, 0);
    bytes
};
/// `Pair 5 None`
const CONTENT: [u8; 6] = [7, 7, 0, 5, 3, 6];

fn ticket_hash() -> H256 {
    keccak(&[&TICKETER[..], &CONTENT].concat())
}

fn account(bytes: [u8; 22]) -> Argument<'static> {
    let mut word = H256::zero();
    word.0[..22].copy_from_slice(&bytes);
    Argument::Word(word)
}

fn owner(address: Address) -> Argument<'static> {
    Argument::Word(H256::from(address))
}

fn routing() -> Vec<u8> {
    [[0; 22], PROXY].concat()
}

fn withdraw(owned_by: Address, amount: u64) -> Vec<u8> {
    let routing = routing();
    let arguments = [
        owner(owned_by),
        Argument::Bytes(&routing),
        number(amount),
        account(TICKETER),
        Argument::Bytes(&CONTENT),
    ];
    abi("withdraw(address,bytes,uint256,bytes22,bytes)", &arguments)
}

fn fast(owned_by: Address, contract: &str, payload: &[u8]) -> Vec<u8> {
    let routing = routing();
    let arguments = [
        owner(owned_by),
        Argument::Bytes(&routing),
        number(7),
        account(TICKETER),
        Argument::Bytes(&CONTENT),
        text(contract),
        Argument::Bytes(payload),
    ];
    abi("fa_fast_withdraw(address,bytes,uint256,bytes22,bytes,string,bytes)", &arguments)
}

fn give(chain: &mut Chain, receiver: Address, amount: u64, proxy: Option<Address>) -> tickets::Credited {
    let (ticket_hash, amount) = (ticket_hash(), U256::from(amount));
    let deposit = TicketDeposit { ticket_hash, amount, receiver, proxy, message: (1, 2) };
    tickets::deposit(&mut chain.state, &chain.block, &deposit).unwrap().unwrap()
}

fn owned(chain: &Chain, owner: Address) -> U256 {
    tickets::balance(&chain.state, ticket_hash(), owner).unwrap()
}

/// A chain on which `OWNER` has this code and a hundred tickets.
fn with_owner(code: &[u8]) -> Chain {
    let mut memory = Memory::default();
    memory.install(OWNER, code);
    let mut chain = Chain::new(memory);
    give(&mut chain, OWNER, 100, None);
    chain
}

fn expected(amount: u64, way: Way) -> Withdrawal {
    let ticket = WithdrawnTicket {
        ticketer: ContractHash::new([0x22; 20]),
        content: CONTENT.to_vec(),
        amount: U256::from(amount),
    };
    Withdrawal { ticket, receiver: L1Account::new([0; 22]), way }
}

fn is_nothing_left(chain: &Chain, outcome: &Outcome, owner: Address) -> bool {
    outcome.withdrawals.is_empty()
        && outcome.logs.is_empty()
        && counter(chain).is_zero()
        && owned(chain, owner) == U256::from(100)
}

#[test]
fn a_wallet_withdraws_what_is_its_own() {
    let mut chain = Chain::new(Memory::default());
    let alice = chain.alice.address;
    give(&mut chain, alice, 100, None);
    let outcome = chain.call(FA_BRIDGE, &withdraw(alice, 30));
    assert!(outcome.succeeded, "{outcome:?}");
    assert_eq!(outcome.withdrawals, [expected(30, Way::Proxy(ContractHash::new([0x44; 20])))]);
    assert_eq!(owned(&chain, alice), U256::from(70));
    let padded = hex::encode(H256::from(alice));
    let data = [
        padded.clone(),
        padded,
        "00".repeat(32),
        format!("{:0<64}", hex::encode(PROXY)),
        format!("{:064x}", 30),
        "00".repeat(32),
    ];
    // keccak("Withdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256)")
    let topic = hex::decode("ab68450c9e546f6062a861eebf8ec5bbd41b4425e26b20199c91227c7f9038ca").unwrap();
    let topics = vec![H256::from_slice(&topic), ticket_hash()];
    assert_eq!(outcome.logs, [Log { address: FA_BRIDGE, topics, data: hex::decode(data.concat()).unwrap() }]);
    // 24,700, 24,200, an owner that is warm because it calls, 107 bytes of message, and the log.
    let data_gas: u64 = withdraw(alice, 30).iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum();
    let expected = 21_000 + data_gas + 24_700 + 24_200 + 100 + 107 * 16 + 3 * 375 + 8 * 192;
    assert_eq!(outcome.gas_used.get(), expected);
    // The counter is the one of the other bridge.
    let data = abi("withdraw_base58(string)", &[text(RECEIVER)]);
    let outcome = send(&mut chain, NATIVE_BRIDGE, U256::from(MUTEZ), data);
    assert_eq!(outcome.logs[0].data[127], 1);
    assert!(chain.call(FA_BRIDGE, &withdraw(alice, 70)).succeeded);
    assert_eq!((owned(&chain, alice), counter(&chain)), (U256::zero(), U256::from(3)));
}

#[test]
fn a_fast_withdrawal_of_tickets_carries_its_payload() {
    let mut chain = Chain::new(Memory::default());
    let alice = chain.alice.address;
    give(&mut chain, alice, 100, None);
    let outcome = chain.call(FA_BRIDGE, &fast(alice, CONTRACT, b"\xbe\xef"));
    let details = FastWithdrawal {
        contract: ContractHash::new([0; 20]),
        id: U256::zero(),
        timestamp: chain.block.timestamp,
        payload: vec![0xbe, 0xef],
        caller: alice,
    };
    assert_eq!(outcome.withdrawals, [expected(7, Way::Fast(details))]);
    let padded = hex::encode(H256::from(alice));
    let data = [
        padded.clone(),
        padded,
        "00".repeat(32),
        format!("{:0<64}", hex::encode(PROXY)),
        format!("{:064x}", 7),
        "00".repeat(32),
        format!("{:064x}", chain.block.timestamp.get()),
        format!("{:064x}", 256),
        format!("{:064x}", 2),
        format!("{:0<64}", "beef"),
    ];
    // keccak("FastFaWithdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256,uint256,bytes)")
    let topic = "7e40c982e82bccb5e8bbd29f38bcfa3996f341ef9f51e2a9cffe086ec87a11c7";
    let log = &outcome.logs[0];
    assert_eq!((hex::encode(log.topics[0]), log.topics[1]), (topic.to_owned(), ticket_hash()));
    assert_eq!(hex::encode(&log.data), data.concat());
    // As long as a message may be, and no longer.
    let fixed = outcome.withdrawals[0].message_size_bytes() - 2;
    for (size, fits) in [(MESSAGE_BYTES_MAX - fixed, true), (MESSAGE_BYTES_MAX - fixed + 1, false)] {
        assert_eq!(chain.call(FA_BRIDGE, &fast(alice, CONTRACT, &vec![1; size])).succeeded, fits);
    }
    assert_eq!(counter(&chain), U256::from(2));
}

#[test]
fn nobody_withdraws_the_tickets_of_a_wallet_but_itself() {
    let designator = [&[0xef, 0x01, 0x00][..], &[0x77; 20]].concat();
    for code in [&[][..], &designator] {
        let mut memory = Memory::default();
        if !code.is_empty() {
            memory.install(OWNER, code);
        }
        memory.install(address(0xaa), &relay(0xf1, FA_BRIDGE));
        let mut chain = Chain::new(memory);
        give(&mut chain, OWNER, 100, None);
        for data in [withdraw(OWNER, 1), fast(OWNER, CONTRACT, &[])] {
            for to in [FA_BRIDGE, address(0xaa)] {
                let outcome = chain.call(to, &data);
                assert!(reason(&outcome).contains("only their owner"));
                assert!(is_nothing_left(&chain, &outcome, OWNER));
            }
            // The owner itself may, whatever its account delegates to.
            let call = Call { from: Some(OWNER), to: Some(FA_BRIDGE), data, ..Call::default() };
            let outcome = simulate(&mut chain.state, &chain.block.clone(), &chain.fees, &call).unwrap();
            assert!(outcome.succeeded, "{:?}", outcome.halt);
        }
    }
}

#[test]
fn a_contract_that_owns_tickets_is_asked_by_the_zero_address() {
    // Keeps its caller and what it was told.
    let mut chain = with_owner(&code(
        "33 5f 55 5f 35 60e0 1c 6001 55 6004 35 6002 55 6024 35 6003 55 6044 35 6004 55 00",
    ));
    let alice = chain.alice.address;
    let outcome = chain.call(FA_BRIDGE, &withdraw(OWNER, 30));
    assert!(outcome.succeeded, "{outcome:?}");
    assert_eq!(outcome.withdrawals, [expected(30, Way::Proxy(ContractHash::new([0x44; 20])))]);
    assert_eq!(owned(&chain, OWNER), U256::from(70));
    let told = [0, 1, 2, 3, 4].map(|slot| chain.slot(OWNER, slot));
    let caller = U256::from_big_endian(H256::from(PROXY_CALLER).as_bytes());
    let sender = U256::from_big_endian(H256::from(alice).as_bytes());
    let hash = U256::from_big_endian(ticket_hash().as_bytes());
    // keccak("withdraw(address,uint256,uint256)")
    assert_eq!(told, [caller, U256::from(0xb5c5_f672u64), sender, U256::from(30), hash]);
}

#[test]
fn a_contract_that_says_no_keeps_its_tickets() {
    // Reverts; halts; never ends; writes and reverts.
    for (code, needs_gas) in [
        (code("5f 5f fd"), false),
        (code("fe"), true),
        (code("5b 5f 56"), true),
        (code("6001 5f 55 5f 5f fd"), false),
    ] {
        let mut chain = with_owner(&code);
        for data in [withdraw(OWNER, 30), fast(OWNER, CONTRACT, b"x")] {
            let outcome = chain.call(FA_BRIDGE, &data);
            assert_eq!(reason(&outcome), "Proxy withdraw failed");
            assert!(is_nothing_left(&chain, &outcome, OWNER));
            assert_eq!(chain.slot(OWNER, 0), U256::zero());
            assert_eq!(outcome.gas_used.get() > 9_000_000, needs_gas);
        }
    }
}

#[test]
fn the_bridge_is_closed_while_a_contract_is_asked_and_open_afterwards() {
    // Passes on to the bridge what it was asked with, whatever comes of it: a call of the bridge from inside.
    let inner = withdraw(OWNER, 1);
    let size = u16::try_from(inner.len()).unwrap().to_be_bytes();
    let head = [
        &[
            0x61, size[0], size[1], 0x60, 0x31, 0x5f, 0x39, 0x5f, 0x5f, 0x61, size[0], size[1], 0x5f, 0x5f,
            0x73,
        ][..],
        FA_BRIDGE.as_bytes(),
        // slot 0 = it worked
        &code("5a f1 5f 55"),
        // slot 1 += 1
        &code("6001 54 6001 01 6001 55 00"),
    ]
    .concat();
    assert_eq!(head.len(), 0x31);
    let mut chain = with_owner(&[&head[..], &inner].concat());
    // Two withdrawals in one transaction, each by a plain call.
    let twice = [&relay(0xf1, FA_BRIDGE)[..0x20], &relay(0xf1, FA_BRIDGE)[..0x20], &[0x00]].concat();
    let mut memory = chain.state.reader().clone();
    memory.apply(&chain.state.changes());
    memory.install(address(0xaa), &twice);
    chain = Chain::new(memory);
    let outcome = chain.call(address(0xaa), &withdraw(OWNER, 10));
    assert!(outcome.succeeded);
    assert_eq!((outcome.withdrawals.len(), owned(&chain, OWNER)), (2, U256::from(80)));
    assert_eq!([0, 1].map(|slot| chain.slot(OWNER, slot)), [0, 2].map(U256::from));
    // The same when the contract is asked to take tickets: it may not withdraw before it has.
    let credited = give(&mut chain, user(2).address, 5, Some(OWNER));
    assert_eq!((credited.owner, credited.withdrawals.len()), (OWNER, 0));
    assert_eq!([0, 1].map(|slot| chain.slot(OWNER, slot)), [0, 3].map(U256::from));
    assert_eq!(owned(&chain, OWNER), U256::from(85));
}

#[test]
fn what_a_proxy_withdraws_of_its_native_tokens_comes_out_with_the_deposit() {
    let inner = abi("withdraw_base58(string)", &[text(RECEIVER)]);
    let size = inner.len() as u8;
    let head = [
        &[0x60, size, 0x60, 0x26, 0x5f, 0x39, 0x5f, 0x5f, 0x60, size, 0x5f, 0x47, 0x73][..],
        NATIVE_BRIDGE.as_bytes(),
        &code("5a f1 5f 55 00"),
    ]
    .concat();
    assert_eq!(head.len(), 0x26);
    let mut memory = Memory::default();
    memory.install(OWNER, &[&head[..], &inner].concat());
    memory.fund(OWNER, U256::from(3 * MUTEZ));
    let mut chain = Chain::new(memory);
    let credited = give(&mut chain, user(2).address, 5, Some(OWNER));
    assert_eq!((credited.owner, credited.withdrawals.len(), credited.logs.len()), (OWNER, 1, 2));
    assert_eq!(credited.withdrawals[0].ticket.amount, U256::from(3));
    assert_eq!((chain.balance(OWNER), counter(&chain)), (U256::zero(), U256::one()));
}

#[test]
fn what_cannot_be_withdrawn_is_refused_with_a_reason() {
    let mut chain = Chain::new(Memory::default());
    let alice = chain.alice.address;
    give(&mut chain, alice, 100, None);
    let routing = routing();
    let with = |routing: &[u8], amount: U256, ticketer: [u8; 22], content: &[u8]| {
        let arguments = [
            owner(alice),
            Argument::Bytes(routing),
            number(amount),
            account(ticketer),
            Argument::Bytes(content),
        ];
        abi("withdraw(address,bytes,uint256,bytes22,bytes)", &arguments)
    };
    let hundred = U256::from(100);
    let mut dirty_owner = withdraw(alice, 1);
    dirty_owner[4] = 1;
    let mut dirty_ticketer = withdraw(alice, 1);
    dirty_ticketer[4 + 4 * 32 - 1] = 1;
    let table = [
        (withdraw(alice, 0), "Empty withdrawals are not allowed"),
        (withdraw(alice, 101), "fewer tickets"),
        (with(&routing, U256::MAX, TICKETER, &CONTENT), "fewer tickets"),
        (with(&routing, hundred, PROXY, &CONTENT), "fewer tickets"),
        (with(&routing, hundred, TICKETER, &[CONTENT.as_slice(), &[0]].concat()), "fewer tickets"),
        (with(&routing, hundred, TICKETER, &[0; 5_000]), "too long"),
        (with(&routing, hundred, [0; 22], &CONTENT), "not a contract"),
        (with(&routing[..43], hundred, TICKETER, &CONTENT), "routing is"),
        (with(&[&routing[..], &[0]].concat(), hundred, TICKETER, &CONTENT), "routing is"),
        (with(&[], hundred, TICKETER, &CONTENT), "routing is"),
        (with(&[[9; 22], PROXY].concat(), hundred, TICKETER, &CONTENT), "not an account"),
        (with(&[PROXY, [0; 22]].concat(), hundred, TICKETER, &CONTENT), "not a contract"),
        (fast(alice, RECEIVER, &[]), "not a contract"),
        (fast(alice, CONTRACT, &[0; 5_000]), "too long"),
        (dirty_owner, "malformed"),
        (dirty_ticketer, "malformed"),
        (withdraw(alice, 1)[..200].to_vec(), "malformed"),
        (abi("claim(uint256)", &[number(0)]), "Could not find deposit"),
        (abi("queue(uint256)", &[number(0)]), "no such function"),
    ];
    for (data, expected) in table {
        let outcome = chain.call(FA_BRIDGE, &data);
        let reason = reason(&outcome);
        assert!(reason.contains(expected), "{reason} is not {expected}");
        assert!(is_nothing_left(&chain, &outcome, alice));
    }
    let outcome = send(&mut chain, FA_BRIDGE, U256::one(), withdraw(alice, 1));
    assert!(reason(&outcome).contains("takes no wei"));
}

#[test]
fn a_state_that_cannot_be_read_undoes_everything() {
    let (mut failing, mut failures) = (1, 0);
    loop {
        // An owner that is asked, and reads.
        let mut chain = with_owner(&code("6007 54 00"));
        let mut memory = chain.state.reader().clone();
        memory.apply(&chain.state.changes());
        memory.reads.set(0);
        memory.fails_at.set(Some(failing));
        chain = Chain::new(memory);
        let transaction = chain.alice.recovered(dynamic(0, Some(FA_BRIDGE), 1_000_000, withdraw(OWNER, 30)));
        match chain.transact(&transaction) {
            Err(error) => {
                assert_eq!(error, TransactionError::Reader(Broken), "read {failing}");
                assert_eq!(chain.state.changes(), Changes::default());
                failures += 1;
            }
            Ok(outcome) => {
                assert_eq!(outcome.withdrawals.len(), 1);
                break;
            }
        }
        failing += 1;
    }
    // Alice, beneficiary, bridge, owner, its code and slot, table and its slot, counter and its slot.
    assert!(failures >= 9, "{failures}");
}
