//! The compact encoding of blocks: variable-length integers (seven bits a byte, low bits first), byte
//! strings after their length, 256-bit numbers without leading zeros, digests as they are.

use crate::records::{SealedHeader, StateChange};
use millrace_primitives::{
    Address, BlockHash, BlockNumber, Bloom, Gas, H256, Header, Log, Receipt, Timestamp, TransactionHash, U256,
};

/// More topics than an EVM log can have are a sign of corruption.
const TOPICS_MAX: u64 = 4;

/// The bytes are not what was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Appends values to a buffer.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn integer(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.integer(bytes.len() as u64);
        self.fixed(bytes);
    }

    pub(crate) fn word(&mut self, value: U256) {
        let mut bytes = [0; 32];
        value.to_big_endian(&mut bytes);
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.bytes(&bytes[zeros..]);
    }

    pub(crate) fn bloom(&mut self, bloom: &Bloom) {
        let empty = bloom.0.iter().all(|byte| *byte == 0);
        self.bytes(if empty { &[] } else { &bloom.0 });
    }

    pub(crate) fn sealed_header(&mut self, hash: &BlockHash, header: &Header) {
        self.fixed(hash.as_bytes());
        self.fixed(header.parent_hash.as_bytes());
        self.fixed(header.beneficiary.as_bytes());
        self.fixed(header.state_root.as_bytes());
        self.fixed(header.transactions_root.as_bytes());
        self.fixed(header.receipts_root.as_bytes());
        self.integer(header.number.get());
        self.integer(header.gas_limit.get());
        self.integer(header.gas_used.get());
        self.integer(header.timestamp.get());
        self.word(header.base_fee_per_gas);
        self.bloom(&header.logs_bloom);
    }

    pub(crate) fn receipt(&mut self, receipt: &Receipt) {
        self.fixed(&[receipt.transaction_type, u8::from(receipt.succeeded)]);
        self.integer(receipt.cumulative_gas_used.get());
        self.integer(receipt.gas_used.get());
        self.word(receipt.effective_gas_price);
        self.fixed(receipt.sender.as_bytes());
        match &receipt.created {
            Some(address) => self.bytes(address.as_bytes()),
            None => self.bytes(&[]),
        }
        self.integer(receipt.logs.len() as u64);
        for log in &receipt.logs {
            self.fixed(log.address.as_bytes());
            self.integer(log.topics.len() as u64);
            for topic in &log.topics {
                self.fixed(topic.as_bytes());
            }
            self.bytes(&log.data);
        }
    }
}

/// Takes values off a slice. Nothing is allocated for more than the slice can hold.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    fn take(&mut self, size_bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(size_bytes).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    pub(crate) fn integer(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.fixed()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << shift;
            if shifted >> shift != bits {
                return Err(Malformed);
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A number of things that take at least a byte each.
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::try_from(self.integer()?).map_err(|_| Malformed)?;
        if count <= self.0.len() { Ok(count) } else { Err(Malformed) }
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let size_bytes = usize::try_from(self.integer()?).map_err(|_| Malformed)?;
        self.take(size_bytes)
    }

    pub(crate) fn word(&mut self) -> Result<U256, Malformed> {
        let bytes = self.bytes()?;
        if bytes.len() > 32 { Err(Malformed) } else { Ok(U256::from_big_endian(bytes)) }
    }

    pub(crate) fn bloom(&mut self) -> Result<Bloom, Malformed> {
        match self.bytes()? {
            [] => Ok(Bloom::default()),
            bytes => bytes.try_into().map(Bloom).map_err(|_| Malformed),
        }
    }

    fn address(&mut self) -> Result<Address, Malformed> {
        self.fixed().map(Address::from)
    }

    pub(crate) fn sealed_header(&mut self) -> Result<SealedHeader, Malformed> {
        let hash = BlockHash::new(self.fixed()?);
        let header = Header {
            parent_hash: BlockHash::new(self.fixed()?),
            beneficiary: self.address()?,
            state_root: H256(self.fixed()?),
            transactions_root: H256(self.fixed()?),
            receipts_root: H256(self.fixed()?),
            number: BlockNumber::new(self.integer()?),
            gas_limit: Gas::new(self.integer()?),
            gas_used: Gas::new(self.integer()?),
            timestamp: Timestamp::new(self.integer()?),
            base_fee_per_gas: self.word()?,
            logs_bloom: self.bloom()?,
        };
        Ok(SealedHeader { hash, header })
    }

    pub(crate) fn receipt(&mut self) -> Result<Receipt, Malformed> {
        let [transaction_type, status] = self.fixed()?;
        let succeeded = match status {
            0 => false,
            1 => true,
            _ => return Err(Malformed),
        };
        Ok(Receipt {
            transaction_type,
            succeeded,
            cumulative_gas_used: Gas::new(self.integer()?),
            gas_used: Gas::new(self.integer()?),
            effective_gas_price: self.word()?,
            sender: self.address()?,
            created: match self.bytes()? {
                [] => None,
                bytes => Some(Address::from(<[u8; 20]>::try_from(bytes).map_err(|_| Malformed)?)),
            },
            logs: self.logs()?,
        })
    }

    fn logs(&mut self) -> Result<Vec<Log>, Malformed> {
        let count = self.count()?;
        (0..count)
            .map(|_| {
                let address = self.address()?;
                let topics = self.integer()?;
                if topics > TOPICS_MAX {
                    return Err(Malformed);
                }
                let topics = (0..topics).map(|_| self.fixed().map(H256)).collect::<Result<_, _>>()?;
                Ok(Log { address, topics, data: self.bytes()?.to_vec() })
            })
            .collect()
    }
}

/// What a block holds beside its header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) transactions: Vec<Vec<u8>>,
    pub(crate) hashes: Vec<TransactionHash>,
    pub(crate) receipts: Vec<Receipt>,
}

/// Encodes transactions, hashes and receipts, which have the same length.
pub(crate) fn encode_body(
    transactions: &[Vec<u8>],
    hashes: &[TransactionHash],
    receipts: &[Receipt],
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.integer(transactions.len() as u64);
    for ((transaction, hash), receipt) in transactions.iter().zip(hashes).zip(receipts) {
        writer.bytes(transaction);
        writer.fixed(hash.as_bytes());
        writer.receipt(receipt);
    }
    writer.finish()
}

/// The inverse of [`encode_body`].
pub(crate) fn decode_body(bytes: &[u8]) -> Result<Body, Malformed> {
    let mut reader = Reader::new(bytes);
    let count = reader.count()?;
    let mut body = Body { transactions: Vec::new(), hashes: Vec::new(), receipts: Vec::new() };
    for _ in 0..count {
        body.transactions.push(reader.bytes()?.to_vec());
        body.hashes.push(TransactionHash::new(reader.fixed()?));
        body.receipts.push(reader.receipt()?);
    }
    reader.end()?;
    Ok(body)
}

/// Encodes a list of byte strings.
pub(crate) fn encode_list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.integer(items.len() as u64);
    for item in items {
        writer.bytes(item);
    }
    writer.finish()
}

/// The inverse of [`encode_list`].
pub(crate) fn decode_list(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut reader = Reader::new(bytes);
    let count = reader.count()?;
    let items = (0..count).map(|_| reader.bytes().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(items)
}

/// Encodes changes of the state.
pub(crate) fn encode_changes(changes: &[StateChange]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.integer(changes.len() as u64);
    for change in changes {
        writer.bytes(&change.key);
        match &change.value {
            None => writer.fixed(&[0]),
            Some(value) => {
                writer.fixed(&[1]);
                writer.bytes(value);
            }
        }
    }
    writer.finish()
}

/// The inverse of [`encode_changes`].
pub(crate) fn decode_changes(bytes: &[u8]) -> Result<Vec<StateChange>, Malformed> {
    let mut reader = Reader::new(bytes);
    let count = reader.count()?;
    let changes = (0..count)
        .map(|_| {
            let key = reader.bytes()?.to_vec();
            let value = match reader.fixed()? {
                [0] => None,
                [1] => Some(reader.bytes()?.to_vec()),
                _ => return Err(Malformed),
            };
            Ok(StateChange { key, value })
        })
        .collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(changes)
}
