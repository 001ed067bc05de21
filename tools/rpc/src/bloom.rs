//! The 2,048-bit bloom filters of Ethereum (yellow paper, section 4.3.1).

use millrace_primitives::{Bloom, Log};
use sha3::{Digest, Keccak256};

/// The three bits that a value sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bits([u16; 3]);

impl Bits {
    /// The bits of an address or a topic.
    pub(crate) fn of(value: &[u8]) -> Self {
        let digest = Keccak256::digest(value);
        Self([0, 2, 4].map(|at| u16::from_be_bytes([digest[at], digest[at + 1]]) & 2_047))
    }

    /// Whether all three are set.
    pub(crate) fn in_bloom(self, bloom: &Bloom) -> bool {
        self.0.iter().all(|bit| bloom.0[255 - usize::from(bit / 8)] & (1 << (bit % 8)) != 0)
    }

    fn set_in(self, bloom: &mut Bloom) {
        for bit in self.0 {
            bloom.0[255 - usize::from(bit / 8)] |= 1 << (bit % 8);
        }
    }
}

/// The bloom of the logs of a receipt.
pub(crate) fn of_logs(logs: &[Log]) -> Bloom {
    let mut bloom = Bloom::default();
    for log in logs {
        Bits::of(log.address.as_bytes()).set_in(&mut bloom);
        for topic in &log.topics {
            Bits::of(topic.as_bytes()).set_in(&mut bloom);
        }
    }
    bloom
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_primitives::{Address, H256};

    #[test]
    fn a_bloom_has_what_was_put_in() {
        let log = Log { address: Address::repeat_byte(1), topics: vec![H256::repeat_byte(2)], data: vec![3] };
        let bloom = of_logs(&[log]);
        assert!(Bits::of(&[1; 20]).in_bloom(&bloom));
        assert!(Bits::of(&[2; 32]).in_bloom(&bloom));
        assert!(!Bits::of(&[3; 20]).in_bloom(&bloom));
        assert_eq!(of_logs(&[]), Bloom::default());
    }

    /// Bit n of the filter is the bit of value 2^n in the 2,048-bit number that the 256 bytes spell.
    #[test]
    fn the_three_bits_come_from_the_first_six_bytes_of_the_hash() {
        let mut bloom = Bloom::default();
        Bits::of(b"testtest").set_in(&mut bloom);
        let digest = Keccak256::digest(b"testtest");
        let mut expected = [0u8; 256];
        for pair in [[digest[0], digest[1]], [digest[2], digest[3]], [digest[4], digest[5]]] {
            let bit = (usize::from(pair[0]) * 256 + usize::from(pair[1])) % 2_048;
            let (byte_from_the_end, bit_in_byte) = (bit / 8, bit % 8);
            expected[256 - 1 - byte_from_the_end] |= 1 << bit_in_byte;
        }
        assert_eq!(bloom.0, expected);
    }
}
