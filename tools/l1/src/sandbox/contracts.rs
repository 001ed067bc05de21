//! The contracts of the layer 1 that the rollup listens to: what each of them sends when it is called.
//!
//! They are those of Etherlink at their interface: who calls the rollup with what parameter and what bytes. How votes
//! are counted before that is theirs and left out: whoever reaches the sandbox is the majority.

use super::chain::{Effect, NewCall};
use super::limits::{DELAYED_BURN_MUTEZ, DEPOSITOR_MUTEZ};
use crate::control::{Activation, Decision, Governance, Governor};
use millrace_primitives::{
    Address, ContractHash, L1Account, Mutez, PreimageHash, RollupAddress, Timestamp, U256,
};
use millrace_wire::address::{Curve, PublicKeyHash, contract_to_bytes};
use millrace_wire::base58::Base58Check as _;
use millrace_wire::delayed;
use millrace_wire::governance::{self, GovernanceError};
use millrace_wire::message::{self, Parameter, Ticket, Transfer};
use millrace_wire::signature::PublicKey;

/// The bridge contract, which forwards tickets to the rollup.
pub const BRIDGE: ContractHash = ContractHash::new(*b"millrace evm bridge ");
/// The account of the layer 1 that makes deposits, unless another one is asked to.
pub const DEPOSITOR: PublicKeyHash = PublicKeyHash { curve: Curve::Ed25519, hash: *b"millrace depositor 0" };

/// The contracts of the layer 1, as the parameters of the rollup name them; what is `None` is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contracts {
    /// Makes the tickets of tez.
    pub ticketer: Option<ContractHash>,
    /// Sends transactions past the sequencer.
    pub delayed_bridge: Option<ContractHash>,
    /// Decides everything.
    pub admin: Option<ContractHash>,
    /// Decides about kernels.
    pub kernel_governance: Option<ContractHash>,
    /// Decides about kernels that go before others.
    pub security_governance: Option<ContractHash>,
    /// Decides who orders transactions.
    pub sequencer_governance: Option<ContractHash>,
}

impl Contracts {
    /// Those of the sandbox's own parameters.
    pub const SANDBOX: Self = Self {
        ticketer: Some(TICKETER),
        delayed_bridge: Some(ContractHash::new(*b"millrace delayed 001")),
        admin: Some(ContractHash::new(*b"millrace admin 00001")),
        kernel_governance: Some(ContractHash::new(*b"millrace kernel gov ")),
        security_governance: Some(ContractHash::new(*b"millrace secure gov ")),
        sequencer_governance: Some(ContractHash::new(*b"millrace sequencer g")),
    };

    /// The accounts that have something at the beginning: those that call contracts.
    pub(super) fn endowment(&self) -> Vec<(L1Account, Mutez)> {
        let named = [
            self.delayed_bridge,
            self.admin,
            self.kernel_governance,
            self.security_governance,
            self.sequencer_governance,
        ];
        let callers = named.into_iter().flatten().map(caller_of);
        let accounts = [DEPOSITOR, EXECUTOR].into_iter().chain(callers);
        accounts.map(|account| (account_of(account), Mutez::new(DEPOSITOR_MUTEZ))).collect()
    }

    fn governor(&self, governor: Governor) -> Result<ContractHash, ContractError> {
        let (contract, parameter) = match governor {
            Governor::Admin => (self.admin, "contracts.admin"),
            Governor::Kernel => (self.kernel_governance, "contracts.kernel_governance"),
            Governor::Security => (self.security_governance, "contracts.security_governance"),
            Governor::Sequencer => (self.sequencer_governance, "contracts.sequencer_governance"),
        };
        contract.ok_or(ContractError::NoContract { parameter })
    }
}

/// The ticketer of the sandbox's layer 1, unless another one is configured.
pub const TICKETER: ContractHash = ContractHash::new(*b"millrace ticketer 01");

/// The account that has outbox messages executed.
pub const EXECUTOR: PublicKeyHash = PublicKeyHash { curve: Curve::Ed25519, hash: *b"millrace executor 00" };

/// The account that calls a contract, so that calls of several contracts can be in one block: `tz1…` of its hash.
fn caller_of(contract: ContractHash) -> PublicKeyHash {
    PublicKeyHash { curve: Curve::Ed25519, hash: *contract.as_bytes() }
}

/// An account in the form that contracts know it by.
pub(super) fn account_of(key: PublicKeyHash) -> L1Account {
    let mut bytes = [0; 22];
    bytes[1..].copy_from_slice(&key.to_bytes());
    L1Account::new(bytes)
}

/// A contract in the same form.
pub(super) fn account_of_contract(contract: ContractHash) -> L1Account {
    L1Account::from_slice(&contract_to_bytes(&contract)).expect("it has 22 bytes")
}

/// Why a contract does not do what it is asked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ContractError {
    /// The rollup listens to nobody there.
    #[error("the parameters of this rollup name no contract for this ({parameter})")]
    NoContract {
        /// Where they would.
        parameter: &'static str,
    },
    /// The contract cannot say this.
    #[error("this contract does not decide this: {0}")]
    NotItsBusiness(&'static str),
    /// A root hash has another form.
    #[error("a root hash is 66 hexadecimal digits, the first two of them 0")]
    RootHash,
    /// A key of a sequencer has another form.
    #[error("not a public key (edpk…, sppk…, p2pk…)")]
    Key,
    /// An account of the rollup has another form.
    #[error("not an address of 20 bytes in hexadecimal")]
    Address,
    /// Not hexadecimal.
    #[error("not hexadecimal")]
    Hexadecimal,
    /// The kernel would refuse it on receipt. Bytes that it refuses are sent as `raw`.
    #[error("the kernel would refuse this: {0:?}")]
    Refused(GovernanceError),
    /// The bridge takes no transaction of this size.
    #[error("the delayed bridge takes transactions of 1 to {} bytes", millrace_wire::TRANSACTION_BYTES_MAX)]
    TransactionSize,
    /// An account of the layer 1 has another form.
    #[error("not an account of the layer 1 (tz1…)")]
    Account,
    /// The ticketer makes no ticket of nothing.
    #[error("a deposit is of one mutez at least")]
    NoAmount,
}

/// What makes up the calls of the rollup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Who is called.
    pub(super) rollup: RollupAddress,
    /// Who may call.
    pub(super) contracts: Contracts,
}

/// A decision on its way to the rollup.
#[derive(Debug)]
pub(super) struct Decided {
    /// Whose it is.
    pub(super) contract: ContractHash,
    /// The bytes of `Right …`.
    pub(super) payload: Vec<u8>,
    /// The operation that sends them.
    pub(super) call: NewCall,
}

impl Caller {
    /// `deposit` of the bridge: it has the ticketer mint a ticket for `(0, None)` of the amount, and sends it to the
    /// rollup with the receiver as routing bytes. The ticketer keeps the tez.
    pub(super) fn deposit(
        &self,
        source: PublicKeyHash,
        receiver: Address,
        amount: Mutez,
    ) -> Result<NewCall, ContractError> {
        let ticketer = self.contracts.ticketer.ok_or(ContractError::NoContract { parameter: "ticketer" })?;
        if amount == Mutez::ZERO {
            return Err(ContractError::NoAmount);
        }
        let ticket =
            Ticket { ticketer, token_id: U256::zero(), metadata: None, amount: U256::from(amount.get()) };
        let message =
            self.message(BRIDGE, source, Parameter::Deposit { routing: receiver.as_bytes(), ticket });
        let (from, to) = (account_of(source), Some(account_of_contract(ticketer)));
        Ok(NewCall { source, messages: vec![message], effects: vec![Effect::Pay { from, to, amount }] })
    }

    /// `default` of the delayed bridge: a start and as many chunks as the transaction takes, in one operation. It burns
    /// a tez.
    pub(super) fn delayed(&self, transaction: &[u8]) -> Result<NewCall, ContractError> {
        let parameter = "contracts.delayed_bridge";
        let bridge = self.contracts.delayed_bridge.ok_or(ContractError::NoContract { parameter })?;
        let cut = delayed::cut(transaction).ok_or(ContractError::TransactionSize)?;
        let source = caller_of(bridge);
        let message = |part: &delayed::BridgeMessage<'_>| {
            self.message(bridge, source, Parameter::DelayedBridge(part.encode().as_slice()))
        };
        let messages = cut.iter().map(message).collect();
        let burn = Effect::Pay { from: account_of(source), to: None, amount: Mutez::new(DELAYED_BURN_MUTEZ) };
        Ok(NewCall { source, messages, effects: vec![burn] })
    }

    /// The trigger of a governance contract: what was decided, with times counted from `now`.
    pub(super) fn decide(&self, decided: &Governance, now: Timestamp) -> Result<Decided, ContractError> {
        let contract = self.contracts.governor(decided.from)?;
        may_decide(decided.from, &decided.decision)?;
        let payload = payload(&decided.decision, now)?;
        let source = caller_of(contract);
        let message = self.message(contract, source, Parameter::Governance(&payload));
        let call = NewCall { source, messages: vec![message], effects: Vec::new() };
        Ok(Decided { contract, payload, call })
    }

    fn message(&self, sender: ContractHash, source: PublicKeyHash, parameter: Parameter<'_>) -> Vec<u8> {
        message::transfer(&self.rollup, &Transfer { sender, source, parameter })
    }
}

/// What each of the deployed contracts has an entrypoint for. The admin forwards any bytes.
fn may_decide(governor: Governor, decision: &Decision) -> Result<(), ContractError> {
    use Decision::{CancelUpgrade, Committee, KernelUpgrade, RemoveSequencer, Sequencer};
    match (governor, decision) {
        (Governor::Kernel | Governor::Security, Sequencer(_) | Committee(_) | RemoveSequencer) => {
            Err(ContractError::NotItsBusiness("who orders transactions is for sequencer governance"))
        }
        (Governor::Sequencer, KernelUpgrade(_) | CancelUpgrade(_)) => {
            Err(ContractError::NotItsBusiness("kernels are for kernel and security governance"))
        }
        _ => Ok(()),
    }
}

fn payload(decision: &Decision, now: Timestamp) -> Result<Vec<u8>, ContractError> {
    let decision = match decision {
        Decision::Raw(text) => return hexadecimal(text),
        Decision::RemoveSequencer => governance::Decision::RemoveSequencer,
        Decision::KernelUpgrade(upgrade) => governance::Decision::KernelUpgrade(governance::KernelUpgrade {
            root_hash: root_hash(&upgrade.root_hash)?,
            activation: time(upgrade.activation, now),
        }),
        Decision::CancelUpgrade(cancel) => governance::Decision::CancelUpgrade(governance::CancelUpgrade {
            root_hash: root_hash(&cancel.root_hash)?,
            timestamp: now,
        }),
        Decision::Sequencer(sequencer) => {
            governance::Decision::SequencerUpgrade(governance::SequencerUpgrade {
                key: key(&sequencer.key)?,
                pool: address(&sequencer.pool)?,
                activation: time(sequencer.activation, now),
            })
        }
        Decision::Committee(committee) => {
            governance::Decision::CommitteeChange(governance::CommitteeChange {
                members: committee.members.iter().map(|member| key(member)).collect::<Result<_, _>>()?,
                quorum: committee.quorum,
                pool: address(&committee.pool)?,
                activation: time(committee.activation, now),
            })
        }
    };
    let bytes = decision.encode();
    match governance::Decision::decode(&bytes) {
        Ok(read) if read == decision => Ok(bytes),
        // The only field that a message has less room for than we do.
        Ok(_) => Err(ContractError::Refused(GovernanceError::Timestamp)),
        Err(error) => Err(ContractError::Refused(error)),
    }
}

fn time(activation: Activation, now: Timestamp) -> Timestamp {
    match activation {
        Activation::AtS(seconds) => Timestamp::new(seconds),
        Activation::InS(seconds) => now.saturating_add(seconds),
    }
}

/// Reads hexadecimal, with or without `0x`.
pub(super) fn hexadecimal(text: &str) -> Result<Vec<u8>, ContractError> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|_| ContractError::Hexadecimal)
}

/// Reads an account of the rollup.
pub(super) fn address(text: &str) -> Result<Address, ContractError> {
    let bytes: Result<[u8; 20], _> = hexadecimal(text).map_err(|_| ContractError::Address)?.try_into();
    bytes.map(Address::from).map_err(|_| ContractError::Address)
}

/// Reads an account of the layer 1 that can sign.
pub(super) fn source(text: &str) -> Result<PublicKeyHash, ContractError> {
    PublicKeyHash::from_base58(text).map_err(|_| ContractError::Account)
}

/// Reads an account of the layer 1: one that can sign, or a contract.
pub(super) fn account(text: &str) -> Result<L1Account, ContractError> {
    match ContractHash::from_base58(text) {
        Ok(contract) => Ok(account_of_contract(contract)),
        Err(_) => source(text).map(account_of),
    }
}

/// An account as text, `tz1…` or `KT1…`; `None` of bytes that are none.
pub(super) fn account_text(account: &L1Account) -> Option<String> {
    match account.as_bytes() {
        [0, key @ ..] => PublicKeyHash::from_bytes(key).map(|key| key.to_base58()),
        bytes => millrace_wire::address::contract_from_bytes(bytes).map(|contract| contract.to_base58()),
    }
}

fn root_hash(text: &str) -> Result<PreimageHash, ContractError> {
    let bytes = hexadecimal(text).map_err(|_| ContractError::RootHash)?;
    PreimageHash::from_slice(&bytes).filter(|hash| hash.as_bytes()[0] == 0).ok_or(ContractError::RootHash)
}

fn key(text: &str) -> Result<PublicKey, ContractError> {
    PublicKey::from_base58(text).map_err(|_| ContractError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{CancelUpgrade, Committee, KernelUpgrade, Sequencer};
    use millrace_wire::message::Message;

    const ROLLUP: RollupAddress = RollupAddress::new([7; 20]);
    const CALLER: Caller = Caller { rollup: ROLLUP, contracts: Contracts::SANDBOX };
    const KEY: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
    const NOW: Timestamp = Timestamp::new(1_000);

    fn decide(from: Governor, decision: Decision) -> Result<Decided, ContractError> {
        CALLER.decide(&Governance { from, decision }, NOW)
    }

    fn upgrade(activation: Activation) -> Decision {
        Decision::KernelUpgrade(KernelUpgrade { root_hash: "00".to_owned() + &"ab".repeat(32), activation })
    }

    #[test]
    fn a_deposit_is_what_the_kernel_expects_of_one() {
        let receiver = Address::repeat_byte(0xab);
        let call = CALLER.deposit(DEPOSITOR, receiver, Mutez::new(1_500_000)).unwrap();
        let Ok(Message::Transfer(transfer)) = message::parse(&call.messages[0], &ROLLUP) else {
            panic!("no transfer")
        };
        assert_eq!((transfer.sender, transfer.source), (BRIDGE, DEPOSITOR));
        let Parameter::Deposit { routing, ticket } = transfer.parameter else { panic!("no deposit") };
        assert_eq!(millrace_wire::deposit::receiver(routing), Ok(receiver));
        assert_eq!((ticket.ticketer, ticket.amount), (TICKETER, U256::from(1_500_000)));
        assert_eq!((ticket.token_id, ticket.metadata), (U256::zero(), None));
        let [from, to] = [account_of(DEPOSITOR), account_of_contract(TICKETER)];
        assert_eq!(call.effects, [Effect::Pay { from, to: Some(to), amount: Mutez::new(1_500_000) }]);
        assert_eq!(CALLER.deposit(DEPOSITOR, receiver, Mutez::ZERO), Err(ContractError::NoAmount));
    }

    #[test]
    fn a_decision_comes_from_its_contract_in_the_bytes_of_etherlink() {
        let decided = decide(Governor::Security, upgrade(Activation::InS(60))).unwrap();
        // A list of 33 and 8 bytes, the latter little-endian.
        let expected = format!("eba100{}8824040000000000{}", "ab".repeat(32), "00");
        assert_eq!(hex::encode(&decided.payload), expected);
        let Ok(Message::Transfer(transfer)) = message::parse(&decided.call.messages[0], &ROLLUP) else {
            panic!("no transfer")
        };
        assert_eq!(Some(transfer.sender), Contracts::SANDBOX.security_governance);
        assert_eq!(transfer.parameter, Parameter::Governance(&decided.payload));

        let removed = decide(Governor::Sequencer, Decision::RemoveSequencer).unwrap();
        assert!(removed.payload.is_empty());
        let cancelled = Decision::CancelUpgrade(CancelUpgrade { root_hash: "00".repeat(33) });
        assert_eq!(decide(Governor::Kernel, cancelled).unwrap().payload[..3], [0xeb, 0xa1, 0xff]);
        let sequencer = Decision::Sequencer(Sequencer {
            key: KEY.to_owned(),
            pool: "0x".to_owned() + &"11".repeat(20),
            activation: Activation::AtS(5),
        });
        let decoded = governance::Decision::decode(&decide(Governor::Admin, sequencer).unwrap().payload);
        let Ok(governance::Decision::SequencerUpgrade(sequencer)) = decoded else { panic!("{decoded:?}") };
        assert_eq!((sequencer.key.to_base58().as_str(), sequencer.activation.get()), (KEY, 5));
        assert_eq!(sequencer.pool, Address::repeat_byte(0x11));
    }

    #[test]
    fn accounts_have_a_text_and_something_to_pay_with() {
        for text in ["tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU", "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT"] {
            assert_eq!(account_text(&account(text).unwrap()).as_deref(), Some(text));
        }
        assert_eq!(account("sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"), Err(ContractError::Account));
        assert_eq!(account_text(&L1Account::new([9; 22])), None);
        assert_eq!(Contracts::SANDBOX.endowment().len(), 7);
        let nobody = Contracts { admin: None, delayed_bridge: None, ..Contracts::SANDBOX };
        assert_eq!(nobody.endowment().len(), 5);
    }

    #[test]
    fn what_a_contract_does_not_decide_is_refused_and_raw_bytes_are_not() {
        let remove = || Decision::RemoveSequencer;
        for governor in [Governor::Kernel, Governor::Security] {
            assert!(matches!(decide(governor, remove()), Err(ContractError::NotItsBusiness(_))));
        }
        let refused = decide(Governor::Sequencer, upgrade(Activation::AtS(1)));
        assert!(matches!(refused, Err(ContractError::NotItsBusiness(_))));
        let committee = |members: &[&str], quorum| {
            let members = members.iter().map(|key| (*key).to_owned()).collect();
            let pool = "00".repeat(20);
            Decision::Committee(Committee { members, quorum, pool, activation: Activation::AtS(1) })
        };
        let refused = decide(Governor::Sequencer, committee(&[KEY, KEY], 2));
        assert!(matches!(refused, Err(ContractError::Refused(GovernanceError::Authority(_)))));
        assert!(matches!(decide(Governor::Admin, committee(&["edpk"], 1)), Err(ContractError::Key)));
        let never = decide(Governor::Admin, upgrade(Activation::AtS(u64::MAX))).unwrap_err();
        assert_eq!(never, ContractError::Refused(GovernanceError::Timestamp), "a time that has no i64");
        for (from, bytes) in [(Governor::Kernel, ""), (Governor::Sequencer, "0xc0ffee")] {
            let decided = decide(from, Decision::Raw(bytes.to_owned())).unwrap();
            assert_eq!(decided.payload, hexadecimal(bytes).unwrap());
        }
        let nobody = Contracts { admin: None, ..Contracts::SANDBOX };
        let decided = Governance { from: Governor::Admin, decision: remove() };
        let refused = Caller { rollup: ROLLUP, contracts: nobody }.decide(&decided, NOW).unwrap_err();
        assert_eq!(refused, ContractError::NoContract { parameter: "contracts.admin" });
    }

    #[test]
    fn the_delayed_bridge_announces_its_chunks() {
        let transaction = vec![0xc1; 4_001];
        let call = CALLER.delayed(&transaction).unwrap();
        assert!(matches!(call.effects[..], [Effect::Pay { to: None, .. }]));
        let parts: Vec<Vec<u8>> = call
            .messages
            .iter()
            .map(|message| match message::parse(message, &ROLLUP) {
                Ok(Message::Transfer(Transfer {
                    sender, parameter: Parameter::DelayedBridge(part), ..
                })) => {
                    assert_eq!(Some(sender), Contracts::SANDBOX.delayed_bridge);
                    part.to_vec()
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(parts[0], [0, 2]);
        assert_eq!([parts[1].len(), parts[2].len()], [4_001, 2]);
        for wrong in [vec![], vec![0; millrace_wire::TRANSACTION_BYTES_MAX + 1]] {
            assert_eq!(CALLER.delayed(&wrong), Err(ContractError::TransactionSize));
        }
    }
}
