//! A withdrawal of the EVM as the message that the layer 1 executes.

use alloc::vec::Vec;
use millrace_evm::system::{FastWithdrawal, Way, Withdrawal, WithdrawnTicket};
use millrace_wire::outbox;

/// The message. The EVM has seen to it that it is short enough.
pub(crate) fn message(withdrawal: Withdrawal) -> Vec<u8> {
    let Withdrawal { ticket, receiver, way } = withdrawal;
    let WithdrawnTicket { ticketer, content, amount } = ticket;
    let call = match way {
        Way::Ticketer => outbox::Call::Burn,
        Way::Proxy(proxy) => outbox::Call::Withdraw { proxy },
        Way::Fast(FastWithdrawal { contract, id, timestamp, payload, caller }) => {
            outbox::Call::Settle(outbox::Fast { contract, id, timestamp, payload, caller })
        }
    };
    let ticket = outbox::Ticket { ticketer, content, amount };
    outbox::Withdrawal { ticket, receiver, call }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use millrace_primitives::{Address, ContractHash, L1Account, Timestamp, U256};

    fn number(rng: &mut Rng) -> U256 {
        let word = U256([rng.u64(..), rng.u64(..), rng.u64(..), rng.u64(..)]);
        word >> rng.usize(0..256)
    }

    fn withdrawal(rng: &mut Rng) -> Withdrawal {
        let bytes = |rng: &mut Rng| (0..rng.usize(0..200)).map(|_| rng.u8(..)).collect::<Vec<u8>>();
        let contract = ContractHash::new([rng.u8(..); 20]);
        let way = match rng.u8(0..3) {
            0 => Way::Ticketer,
            1 => Way::Proxy(contract),
            _ => Way::Fast(FastWithdrawal {
                contract,
                id: number(rng),
                timestamp: Timestamp::new(rng.u64(..) >> rng.u8(0..64)),
                payload: bytes(rng),
                caller: Address::repeat_byte(rng.u8(..)),
            }),
        };
        let ticket = WithdrawnTicket { ticketer: contract, content: bytes(rng), amount: number(rng) };
        Withdrawal { ticket, receiver: L1Account::new([rng.u8(..); 22]), way }
    }

    /// Two crates count: the EVM what it may let through, the encoder what comes of it.
    #[test]
    fn a_message_has_the_size_that_the_evm_counted() {
        let mut rng = Rng::with_seed(0);
        for _ in 0..20_000 {
            let withdrawal = withdrawal(&mut rng);
            let counted = withdrawal.message_size_bytes();
            assert_eq!(message(withdrawal.clone()).len(), counted, "{withdrawal:?}");
        }
        assert_eq!(outbox::MESSAGE_BYTES_MAX, millrace_evm::system::MESSAGE_BYTES_MAX);
        assert_eq!(outbox::MESSAGE_BYTES_MAX, millrace_host::limits::OUTBOX_MESSAGE_BYTES_MAX);
    }
}
