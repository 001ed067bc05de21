//! Calls of the contracts of the layer 1, over HTTP.

use crate::kernel::{Site, client, count};
use millrace_l1::client::{BlockId, ClientError};
use millrace_l1::control::{
    Activation, CancelUpgrade, Committee, Control, Decision, Delayed, Deposit, Governance, Governor,
    KernelUpgrade,
};
use millrace_l1::sandbox::chain::Block;
use millrace_l1::sandbox::{Contracts, Sandbox, SandboxConfig};
use millrace_primitives::{ContractHash, L1Level, RollupAddress};
use millrace_wire::delayed::BridgeMessage;
use millrace_wire::governance;
use millrace_wire::message::{self, Message, Parameter};

const KEYS: [&str; 2] = [
    "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
    "edpktzNbDAUjUk697W7gYg2CRuBQjyPxbEg8dLccYYwKSKvkPvjtV9",
];

fn control(sandbox: &Sandbox) -> Control {
    Control::new(&sandbox.endpoint()).unwrap()
}

/// The calls of the rollup in a block: who called, with what.
fn calls(block: &Block, rollup: RollupAddress) -> Vec<(ContractHash, Vec<u8>, bool)> {
    let call = |bytes: &Vec<u8>| {
        let Ok(Message::Transfer(transfer)) = message::parse(bytes, &rollup) else { panic!("no transfer") };
        match transfer.parameter {
            Parameter::Governance(bytes) => (transfer.sender, bytes.to_vec(), true),
            Parameter::DelayedBridge(bytes) => (transfer.sender, bytes.to_vec(), false),
            Parameter::Deposit { .. } => panic!("a deposit"),
        }
    };
    block.messages.iter().map(call).collect()
}

#[tokio::test]
async fn decisions_arrive_as_transfers_of_the_contracts() {
    let site = Site::new();
    let sandbox = site.start().await;
    let control = control(&sandbox);
    let root_hash = "00".to_owned() + &"5a".repeat(32);
    let activation = Activation::AtS(1_790_000_000);
    let upgrade = Decision::KernelUpgrade(KernelUpgrade { root_hash: root_hash.clone(), activation });
    let members = KEYS.map(str::to_owned).to_vec();
    let pool = "0x".to_owned() + &"22".repeat(20);
    let committee = Decision::Committee(Committee { members, quorum: 2, pool, activation });
    let mut sent = Vec::new();
    for (from, decision) in [
        (Governor::Kernel, upgrade.clone()),
        (Governor::Security, upgrade),
        (Governor::Admin, Decision::CancelUpgrade(CancelUpgrade { root_hash })),
        (Governor::Sequencer, committee),
        (Governor::Sequencer, Decision::RemoveSequencer),
        (Governor::Kernel, Decision::Raw("ff".to_owned())),
    ] {
        sent.push(control.decide(&Governance { from, decision }).await.unwrap());
        sandbox.bake().await.unwrap();
    }
    let contracts = Contracts::SANDBOX;
    let expected = [
        contracts.kernel_governance,
        contracts.security_governance,
        contracts.admin,
        contracts.sequencer_governance,
        contracts.sequencer_governance,
        contracts.kernel_governance,
    ];
    for (index, contract) in expected.into_iter().enumerate() {
        let block = sandbox.block_at(L1Level::new(index as u32 + 1)).unwrap().unwrap();
        let bytes = hex::decode(&sent[index].payload).unwrap();
        assert_eq!(calls(&block, sandbox.rollup_address()), [(contract.unwrap(), bytes, true)]);
    }
    let committee = governance::Decision::decode(&hex::decode(&sent[3].payload).unwrap()).unwrap();
    let governance::Decision::CommitteeChange(committee) = committee else { panic!("{committee:?}") };
    assert_eq!((committee.members.len(), committee.quorum), (2, 2));
    assert!(sent[4].payload.is_empty() && sent[4].contract.starts_with("KT1"));
    assert_eq!(
        client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap(),
        Some(count(6 * 4)),
        "each level has one message besides its frame"
    );
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_delayed_transaction_is_one_operation_of_several_messages() {
    let site = Site::new();
    let sandbox = site.start().await;
    let transaction = "0x".to_owned() + &"c1".repeat(8_001);
    control(&sandbox).delayed(&Delayed { transaction }).await.unwrap();
    let block = sandbox.bake().await.unwrap();
    let parts = calls(&block, sandbox.rollup_address());
    assert!(parts.iter().all(|(sender, _, _)| Some(*sender) == Contracts::SANDBOX.delayed_bridge));
    let parts: Vec<_> = parts.iter().map(|(_, bytes, _)| BridgeMessage::decode(bytes).unwrap()).collect();
    let chunk = [0xc1; 4_000];
    assert_eq!(
        parts,
        [
            BridgeMessage::Start { chunks: 3 },
            BridgeMessage::Chunk(&chunk),
            BridgeMessage::Chunk(&chunk),
            BridgeMessage::Chunk(&[0xc1]),
        ]
    );
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_contracts_refuse_changes_nothing_and_says_why() {
    let site = Site::new();
    let contracts = Contracts { admin: None, ticketer: None, delayed_bridge: None, ..Contracts::SANDBOX };
    let sandbox = Sandbox::start(SandboxConfig { contracts, ..site.config() }).await.unwrap();
    let control = control(&sandbox);
    let ids = |refused: Result<_, ClientError>| match refused {
        Err(ClientError::Status { status: 400, trace, .. }) => trace.ids,
        other => panic!("{other:?}"),
    };
    let cases = [
        (Governor::Admin, Decision::RemoveSequencer, "sandbox.no_contract"),
        (Governor::Kernel, Decision::RemoveSequencer, "sandbox.not_its_business"),
        (Governor::Kernel, Decision::Raw("x".to_owned()), "sandbox.bad_hexadecimal"),
        (
            Governor::Security,
            Decision::CancelUpgrade(CancelUpgrade { root_hash: "01".repeat(33) }),
            "sandbox.bad_root_hash",
        ),
        (Governor::Sequencer, Decision::Raw("00".repeat(5_000)), "sandbox.message_refused"),
    ];
    for (from, decision, id) in cases {
        let refused = control.decide(&Governance { from, decision: decision.clone() }).await;
        assert_eq!(ids(refused.map(|_| ())), [id], "{decision:?}");
    }
    let deposit = Deposit { receiver: "00".repeat(20), amount_mutez: 1, source: None };
    assert_eq!(ids(control.deposit(&deposit).await.map(|_| ())), ["sandbox.no_contract"]);
    let delayed = Delayed { transaction: "c0".to_owned() };
    assert_eq!(ids(control.delayed(&delayed).await.map(|_| ())), ["sandbox.no_contract"]);
    assert!(sandbox.bake().await.unwrap().messages.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn levels_are_made_on_demand() {
    let site = Site::new();
    let sandbox = site.start().await;
    let head = control(&sandbox).bake(7).await.unwrap();
    assert_eq!((head.level, head.block_hash), (7, sandbox.head().hash));
    assert_eq!(sandbox.node_status().head.record.level.get(), 7, "and the rollup node has them");
    let refused = control(&sandbox).bake(1_001).await;
    assert!(matches!(refused, Err(ClientError::Status { status: 400, .. })));
    sandbox.shutdown().await;
}
