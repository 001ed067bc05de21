//! The valid messages that cases start from.

use millrace_inbox::scenario::{self, EPOCH, HEAD, Scenario, TICKETER};
use millrace_primitives::{L1Level, Timestamp, U256};
use millrace_wire::{
    blueprint::{Domain, PIECE_BYTES_MAX},
    message::{self, DalAttestedSlots, InfoPerLevel, Parameter},
    signature::SecretKey,
};

/// Messages, by what the kernel owes them.
pub(crate) struct Seeds {
    /// Chunks of blueprints that the sequencer signed: the only external messages that may be stored.
    pub(crate) authentic: Vec<Vec<u8>>,
    /// Well-formed external messages that nobody in office signed.
    pub(crate) forged: Vec<Vec<u8>>,
    /// Messages that only the layer 1 can make.
    pub(crate) internal: Vec<Vec<u8>>,
}

impl Seeds {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let next = HEAD.get() + 1;
        let sizes = [2 * PIECE_BYTES_MAX + 100, 50, PIECE_BYTES_MAX, 4 * PIECE_BYTES_MAX + 1];
        let blueprints = || (next..).zip(sizes).zip(1u8..);
        let authentic = blueprints()
            .flat_map(|((number, size), seed)| scenario.blueprint(number, scenario::payload(size, seed)))
            .collect();
        let stranger = SecretKey::from_seed(&[66; 32]);
        let other_chain = Domain { chain_id: U256::one(), ..scenario.domain() };
        let forged = blueprints()
            .flat_map(|((number, size), seed)| {
                let blueprint = scenario::blueprint(number, scenario::payload(size, seed + 64));
                let by_stranger = scenario.sealed(&blueprint, EPOCH, &scenario.domain(), &stranger);
                let elsewhere = scenario.sealed(&blueprint, EPOCH, &other_chain, &scenario.sequencer);
                [by_stranger, elsewhere].concat()
            })
            .collect();
        Self { authentic, forged, internal: internal() }
    }

    /// Any of them.
    pub(crate) fn any<'a>(&'a self, rng: &mut fastrand::Rng) -> &'a [u8] {
        let kind = [&self.authentic, &self.authentic, &self.forged, &self.internal][rng.usize(0..4)];
        &kind[rng.usize(0..kind.len())]
    }

    /// Any that a stranger can send.
    pub(crate) fn external<'a>(&'a self, rng: &mut fastrand::Rng) -> &'a [u8] {
        let kind = if rng.bool() { &self.authentic } else { &self.forged };
        &kind[rng.usize(0..kind.len())]
    }
}

fn internal() -> Vec<Vec<u8>> {
    let slots = DalAttestedSlots {
        published_level: L1Level::new(9),
        number_of_slots: 32,
        slot_size_bytes: 126_944,
        page_size_bytes: 3_967,
        publishers: &[0; 30],
    };
    let info = InfoPerLevel { predecessor_timestamp: Timestamp::new(1_800_000_000), predecessor: [1; 32] };
    let versioned = [&[1, 0xd6, 0x94][..], &[0xcd; 20], &[0xc0]].concat();
    vec![
        message::start_of_level(),
        message::info_per_level(&info),
        message::protocol_migration(b"t024_024"),
        message::dal_attested_slots(&slots),
        message::end_of_level(),
        scenario::deposit(TICKETER, &[0xab; 20], U256::from(1_000_000)),
        scenario::deposit(TICKETER, &[0xab; 52], U256::from(u64::MAX)),
        scenario::deposit(TICKETER, &versioned, U256::one()),
        scenario::deposit(TICKETER, &[], U256::MAX),
        scenario::transfer(Parameter::DelayedBridge(&[0, 2])),
        scenario::transfer(Parameter::Governance(&[0; 44])),
    ]
}
