//! Withdrawals: commitments, and the execution of outbox messages.

use crate::kernel::{Site, client};
use millrace_l1::client::{BlockId, ClientError};
use millrace_l1::control::Control;
use millrace_l1::control::outbox::{Execute, Operation, State};
use millrace_l1::sandbox::{Commitments, Sandbox, SandboxConfig, TICKETER};
use millrace_primitives::{Address, L1Account, L1Level, Mutez, U256};
use millrace_wire::address::{Curve, PublicKeyHash};
use millrace_wire::base58::Base58Check as _;
use millrace_wire::outbox::{Call, Ticket, Withdrawal};

const RECEIVER: PublicKeyHash = PublicKeyHash { curve: Curve::Ed25519, hash: [0x77; 20] };
/// `Pair 0 None`
const CONTENT: [u8; 6] = [7, 7, 0, 0, 3, 6];

async fn start(site: &Site) -> (Sandbox, Control) {
    let commitments = Commitments { period_levels: 4, challenge_levels: 3 };
    let sandbox = Sandbox::start(SandboxConfig { commitments, ..site.config() }).await.unwrap();
    let control = Control::new(&sandbox.endpoint()).unwrap();
    (sandbox, control)
}

fn withdrawal(ticketer: millrace_primitives::ContractHash, mutez: u64) -> Vec<u8> {
    let mut receiver = [0; 22];
    receiver[1..].copy_from_slice(&RECEIVER.to_bytes());
    let ticket = Ticket { ticketer, content: CONTENT.to_vec(), amount: U256::from(mutez) };
    Withdrawal { ticket, receiver: L1Account::new(receiver), call: Call::Burn }.encode()
}

/// Has the kernel send these messages in the next level.
async fn send(sandbox: &Sandbox, messages: &[Vec<u8>]) {
    let payloads: Vec<Vec<u8>> = messages.iter().map(|message| [b"W", message.as_slice()].concat()).collect();
    client(sandbox).inject(&payloads).await.unwrap();
    sandbox.bake().await.unwrap();
}

fn refused(error: ClientError) -> (u16, String) {
    match error {
        ClientError::Status { status, trace, .. } => (status, trace.ids.concat()),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_withdrawal_is_paid_out_once_its_commitment_is_cemented() {
    let site = Site::new();
    let (sandbox, control) = start(&site).await;
    let balance = async |account: &str| control.balance_mutez(account).await.unwrap();
    let (receiver, ticketer) = (RECEIVER.to_base58(), TICKETER.to_base58());
    sandbox.deposit(Address::zero(), Mutez::new(100)).await.unwrap();
    send(&sandbox, &[withdrawal(TICKETER, 60), withdrawal(TICKETER, 60)]).await;
    assert_eq!((balance(&ticketer).await, balance(&receiver).await), (100, 0));
    let message = &control.outbox().await.unwrap().messages[1];
    assert_eq!((message.level, message.index, message.state), (1, 0, State::Waiting { until_level: 7 }));
    let words = message.withdrawal.as_ref().unwrap();
    assert_eq!((words.receiver.as_str(), words.amount.as_str()), (receiver.as_str(), "60"));
    assert_eq!((words.destination.as_str(), words.entrypoint.as_str()), (ticketer.as_str(), "burn"));

    control.bake(5).await.unwrap();
    let early = control.execute(&Execute { level: 1, index: 0 }).await.unwrap_err();
    assert_eq!(refused(early), (409, "sandbox.not_cemented".to_owned()));
    control.bake(1).await.unwrap();
    assert_eq!(control.outbox().await.unwrap().cemented_level, 4);
    let first = control.execute(&Execute { level: 1, index: 0 }).await.unwrap();
    let second = control.execute(&Execute { level: 1, index: 1 }).await.unwrap();
    let twice = control.execute(&Execute { level: 1, index: 0 }).await.unwrap();
    control.bake(1).await.unwrap();
    assert_eq!((balance(&ticketer).await, balance(&receiver).await), (40, 60));
    let again = control.execute(&Execute { level: 1, index: 0 }).await.unwrap_err();
    assert_eq!(refused(again), (409, "sandbox.executed".to_owned()));

    // The second is more than the ticketer has, the third was executed before: both fail, and pay their fee.
    control.bake(2).await.unwrap();
    let failure = async |id| match control.operation(id).await.unwrap() {
        Operation::Included { level, fee_mutez, failure } => {
            assert!(fee_mutez > 100);
            (level, failure)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(failure(first).await, (8, None));
    assert_eq!(failure(second).await, (9, Some("the balance of an account is too low".to_owned())));
    assert_eq!(failure(twice).await, (10, Some("the outbox message was executed before".to_owned())));
    assert_eq!((balance(&ticketer).await, balance(&receiver).await), (40, 60));
    let states: Vec<_> = control.outbox().await.unwrap().messages.iter().map(|m| m.state).collect();
    assert_eq!(states, [State::Executable, State::Executed], "what failed can be tried again");

    // With more in the ticketer it works.
    sandbox.deposit(Address::zero(), Mutez::new(20)).await.unwrap();
    control.bake(1).await.unwrap();
    control.execute(&Execute { level: 1, index: 1 }).await.unwrap();
    control.bake(1).await.unwrap();
    assert_eq!((balance(&ticketer).await, balance(&receiver).await), (0, 120));
    sandbox.shutdown().await;

    let (sandbox, control) = start(&site).await;
    assert_eq!(control.balance_mutez(&receiver).await.unwrap(), 120, "after a restart too");
    let states: Vec<_> = control.outbox().await.unwrap().messages.iter().map(|m| m.state).collect();
    assert_eq!(states, [State::Executed, State::Executed]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_was_withdrawn_can_be_deposited_again_and_no_more() {
    use millrace_l1::control::Deposit;
    let site = Site::new();
    let (sandbox, control) = start(&site).await;
    sandbox.deposit(Address::zero(), Mutez::new(10_000)).await.unwrap();
    send(&sandbox, &[withdrawal(TICKETER, 10_000)]).await;
    control.bake(6).await.unwrap();
    control.execute(&Execute { level: 1, index: 0 }).await.unwrap();
    control.bake(1).await.unwrap();
    let source = RECEIVER.to_base58();
    let deposit = |amount_mutez| Deposit {
        receiver: "00".repeat(20),
        amount_mutez,
        source: Some(RECEIVER.to_base58()),
    };
    let id = control.deposit(&deposit(9_000)).await.unwrap();
    control.bake(1).await.unwrap();
    let Operation::Included { fee_mutez, failure: None, .. } = control.operation(id).await.unwrap() else {
        panic!("not included")
    };
    assert_eq!(control.balance_mutez(&source).await.unwrap(), 1_000 - fee_mutez);
    control.deposit(&deposit(9_000)).await.unwrap();
    control.bake(1).await.unwrap();
    assert!(sandbox.head().messages.is_empty(), "a failed deposit is no message");
    let wrong = Deposit { source: Some("tz1".to_owned()), ..deposit(1) };
    assert_eq!(refused(control.deposit(&wrong).await.unwrap_err()), (400, "sandbox.bad_account".to_owned()));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_no_contract_understands_is_never_executed() {
    let site = Site::new();
    let (sandbox, control) = start(&site).await;
    let foreign = millrace_primitives::ContractHash::new([1; 20]);
    send(&sandbox, &[b"garbage".to_vec(), withdrawal(foreign, 5)]).await;
    control.bake(6).await.unwrap();
    for index in [0, 1] {
        let refusal = control.execute(&Execute { level: 1, index }).await.unwrap_err();
        assert_eq!(refused(refusal), (409, "sandbox.unexecutable".to_owned()));
    }
    let missing = control.execute(&Execute { level: 1, index: 2 }).await.unwrap_err();
    assert_eq!(refused(missing), (404, "sandbox.unknown_message".to_owned()));
    let messages = control.outbox().await.unwrap().messages;
    assert_eq!(messages[1].withdrawal, None);
    assert!(messages.iter().all(|message| message.state == State::Unexecutable));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn commitments_are_made_in_periods_and_follow_each_other() {
    let site = Site::new();
    let (sandbox, control) = start(&site).await;
    let node = client(&sandbox);
    control.bake(12).await.unwrap();
    let mut made = Vec::new();
    for level in 0..=12 {
        let path = format!("{}/global/block/{level}", sandbox.endpoint());
        let block: serde_json::Value = reqwest::get(path).await.unwrap().json().await.unwrap();
        let hash = |name: &str| block[name].as_str().map(str::to_owned);
        if let Some(commitment) = hash("commitment_hash") {
            let previous = hash("previous_commitment_hash").unwrap();
            assert_eq!(made.last().map_or(&commitment, |(_, last)| last), &previous, "level {level}");
            made.push((level, commitment));
        }
    }
    assert_eq!(made.iter().map(|(level, _)| *level).collect::<Vec<_>>(), [0, 4, 8, 12]);
    assert_eq!(node.block_level(BlockId::Cemented).await.unwrap(), L1Level::new(8));
    assert!(node.durable_value(BlockId::Cemented, "/count").await.unwrap().is_some());
    sandbox.shutdown().await;
}
