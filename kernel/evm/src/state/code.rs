//! Code and what is known of it.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::OnceCell;
use millrace_primitives::{Address, H160};

const JUMPDEST: u8 = 0x5b;
const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;
/// What a delegation begins with; the address follows (EIP-7702). No contract does (EIP-3541).
const DESIGNATOR: [u8; 3] = [0xef, 0x01, 0x00];

/// Some code, shared by all frames that run it. Where it may be jumped to is worked out at the first run and
/// kept for the block.
#[derive(Debug, Default)]
pub struct Code {
    bytes: Rc<Vec<u8>>,
    destinations: OnceCell<Vec<bool>>,
}

impl Code {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Rc::new(bytes), destinations: OnceCell::new() }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The code of an account that runs that of another.
    pub(crate) fn designator(address: Address) -> Vec<u8> {
        [&DESIGNATOR[..], address.as_bytes()].concat()
    }

    /// Whose code runs in place of this, when it is a delegation.
    #[inline]
    pub fn delegate(&self) -> Option<Address> {
        let address = self.bytes.strip_prefix(&DESIGNATOR)?;
        address.try_into().ok().map(H160)
    }

    pub(crate) fn shared(&self) -> Rc<Vec<u8>> {
        Rc::clone(&self.bytes)
    }

    /// For each byte, whether it is a `JUMPDEST` that is not data of a push.
    pub(crate) fn destinations(&self) -> &[bool] {
        self.destinations.get_or_init(|| destinations(&self.bytes))
    }
}

fn destinations(code: &[u8]) -> Vec<bool> {
    let mut found = alloc::vec![false; code.len()];
    let mut bytes = code.iter().zip(found.iter_mut());
    while let Some((byte, is_destination)) = bytes.next() {
        match *byte {
            JUMPDEST => *is_destination = true,
            PUSH1..=PUSH32 => {
                // Skips the data: `nth(n)` takes n + 1 items.
                let _ = bytes.nth(usize::from(byte.wrapping_sub(PUSH1)));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_designator_delegates() {
        let address = Address::repeat_byte(7);
        let designator = Code::designator(address);
        assert_eq!(Code::new(designator.clone()).delegate(), Some(address));
        assert_eq!(Code::new(designator.iter().copied().take(22).collect()).delegate(), None);
        assert_eq!(Code::new([designator, alloc::vec![0]].concat()).delegate(), None);
        assert_eq!(Code::new(alloc::vec![]).delegate(), None);
    }

    #[test]
    fn data_of_pushes_is_no_destination() {
        let code = Code::new(alloc::vec![0x5b, 0x60, 0x5b, 0x5b, 0x61, 0x5b, 0x5b, 0x5b, 0x7f, 0x5b]);
        let expected = [true, false, false, true, false, false, false, true, false, false];
        assert_eq!(code.destinations(), expected);
    }
}
