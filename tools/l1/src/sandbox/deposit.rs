//! Deposits: tez that the ticketer locks on the layer 1, sent to the rollup as a ticket.

use millrace_primitives::{Address, ContractHash, Mutez, RollupAddress, U256};
use millrace_wire::address::{Curve, PublicKeyHash};
use millrace_wire::message::{self, Parameter, Ticket, Transfer};

/// The ticketer of the sandbox's layer 1, unless another one is configured.
pub const TICKETER: ContractHash = ContractHash::new(*b"millrace ticketer 01");
/// The bridge contract, which forwards tickets to the rollup.
pub const BRIDGE: ContractHash = ContractHash::new(*b"millrace evm bridge ");
/// The account of the layer 1 that makes the deposits.
pub const DEPOSITOR: PublicKeyHash = PublicKeyHash { curve: Curve::Ed25519, hash: *b"millrace depositor 0" };

/// The inbox message that a deposit makes: a call of the rollup by the bridge, with a ticket of the ticketer
/// for `(0, None)` and the receiver as routing bytes.
pub(super) fn message(
    rollup: &RollupAddress,
    ticketer: ContractHash,
    receiver: Address,
    amount: Mutez,
) -> Vec<u8> {
    let ticket =
        Ticket { ticketer, token_id: U256::zero(), metadata: None, amount: U256::from(amount.get()) };
    let parameter = Parameter::Deposit { routing: receiver.as_bytes(), ticket };
    message::transfer(rollup, &Transfer { sender: BRIDGE, source: DEPOSITOR, parameter })
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_wire::message::Message;

    #[test]
    fn a_deposit_is_what_the_kernel_expects_of_one() {
        let rollup = RollupAddress::new([7; 20]);
        let receiver = Address::repeat_byte(0xab);
        let bytes = message(&rollup, TICKETER, receiver, Mutez::new(1_500_000));
        let Ok(Message::Transfer(transfer)) = message::parse(&bytes, &rollup) else { panic!("no transfer") };
        let Parameter::Deposit { routing, ticket } = transfer.parameter else { panic!("no deposit") };
        assert_eq!(millrace_wire::deposit::receiver(routing), Ok(receiver));
        assert_eq!((ticket.ticketer, ticket.amount), (TICKETER, U256::from(1_500_000)));
        assert_eq!((ticket.token_id, ticket.metadata), (U256::zero(), None));
    }
}
