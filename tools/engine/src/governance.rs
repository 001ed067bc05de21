//! What the layer 1 decides about a rollup, between the state of the rollup node and that of a node beside it.
//!
//! Blocks depend on values that no blueprint changes: who orders, which pool is paid, which kernel is to take over. Stage 1
//! writes them on the rollup node; a node has no inbox, so it reads them there at each level ([`Governance::paths`] is the
//! only list of them) and puts them into its own state before the next block ([`Engine::adopt`]). They are part of that
//! block then: undone and kept with it.

use crate::{Engine, EngineError, host::NativeHost};
use millrace_host::PathBuf;
use millrace_layout::{
    Key, LayoutError, Value,
    clock::{self, L1Clock},
    delayed::{self, Bounds},
    governance::{self as announced, PendingAuthorities, PendingUpgrades},
    parameters::{self, Parameters},
    queue,
    sequencers::{self, Change},
    upgrade,
    version::{self, StorageVersion},
};
use millrace_pvm::durable::{self, Durable};
use millrace_wire::authority::Authority;

/// What the layer 1 has decided as of a level.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Governance {
    /// The layout of the storage that this was read from.
    pub version: Option<StorageVersion>,
    /// The level and the time of its predecessor.
    pub clock: Option<L1Clock>,
    /// Who orders transactions; `None` when nobody does.
    pub authority: Option<Authority>,
    /// The last change of that.
    pub change: Option<Change>,
    /// The changes that wait.
    pub authorities: PendingAuthorities,
    /// The kernel upgrades that wait.
    pub upgrades: PendingUpgrades,
    /// The parameters of the rollup.
    pub parameters: Option<Parameters>,
    /// The root of the kernel that runs; `None` for the one that the rollup was originated with.
    pub kernel_root: Option<Vec<u8>>,
    /// What is left of the queue of a rollup without a sequencer.
    pub queue: Bounds,
}

impl Governance {
    /// Where all of it is.
    ///
    /// # Errors
    /// Never, short of a bug in the layout.
    pub fn paths() -> Result<Vec<String>, EngineError> {
        Ok(vec![
            path_of(&version::key()?),
            path_of(&clock::key()?),
            path_of(&sequencers::key()?),
            path_of(&sequencers::change()?),
            path_of(&announced::authorities()?),
            path_of(&announced::upgrades()?),
            path_of(&parameters::key()?),
            path_of(&upgrade::kernel_root()?),
            path_of(&queue::bounds()?),
        ])
    }

    /// Decodes what was found at [`Governance::paths`]. Lists of announcements that do not decode count as empty, as for
    /// the kernel. Of a storage with another layout only the clock and the lists are read.
    ///
    /// # Errors
    /// [`EngineError::Layout`] names the value that does not decode.
    pub fn decode(values: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Self, EngineError> {
        let version = read(&values, &version::key()?)?;
        let is_known = is_known(version);
        let lists = Self {
            version,
            clock: read(&values, &clock::key()?)?,
            authorities: read_or_lose(&values, &announced::authorities()?),
            upgrades: read_or_lose(&values, &announced::upgrades()?),
            kernel_root: read(&values, &upgrade::kernel_root()?)?.map(|upgrade::KernelRoot(root)| root),
            ..Self::default()
        };
        if !is_known {
            return Ok(lists);
        }
        Ok(Self {
            authority: read(&values, &sequencers::key()?)?,
            change: read(&values, &sequencers::change()?)?,
            parameters: read(&values, &parameters::key()?)?,
            queue: read(&values, &queue::bounds()?)?.unwrap_or_default(),
            ..lists
        })
    }

    /// Whether the storage that this was read from has the layout that this program knows.
    pub fn is_known(&self) -> bool {
        is_known(self.version)
    }
}

/// The upgrades that the next block has to reckon with: those that are `announced` on the rollup node, save those that the
/// blocks made here have carried out already and that the rollup node has yet to follow. `since_confirmed` are the lists in
/// the states from the confirmed block to the head, `head` the last of them.
pub fn upgrades_to_come(
    announced: &PendingUpgrades,
    head: &PendingUpgrades,
    since_confirmed: impl IntoIterator<Item = PendingUpgrades>,
) -> PendingUpgrades {
    let mut carried_out = Vec::new();
    for earlier in since_confirmed {
        carried_out.extend(earlier.0.into_iter().filter(|upgrade| !head.0.contains(upgrade)));
    }
    PendingUpgrades(announced.0.iter().filter(|upgrade| !carried_out.contains(upgrade)).copied().collect())
}

impl Engine {
    /// What a state says of the decisions of the layer 1, as of its last block.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn governance(&self, state: &Durable) -> Result<Governance, EngineError> {
        Governance::decode(|path| state.get(path).map(|value| value.to_bytes().into_owned()))
    }

    /// The state with what the layer 1 has decided, and with these upgrades waiting: what the next block is made on. When
    /// the two storages have different layouts, because one has been migrated and the other not yet, or a layout that
    /// this program does not know, the state stays as it is.
    ///
    /// # Errors
    /// [`EngineError::Layout`].
    pub fn adopt(
        &self,
        state: &Durable,
        governance: &Governance,
        upgrades: &PendingUpgrades,
    ) -> Result<Durable, EngineError> {
        let mut host = NativeHost::new(state);
        if version::read(&host)? != governance.version || !governance.is_known() {
            return Ok(host.durable);
        }
        put(&mut host, &sequencers::key()?, governance.authority.as_ref())?;
        put(&mut host, &sequencers::change()?, governance.change.as_ref())?;
        put(&mut host, &parameters::key()?, governance.parameters.as_ref())?;
        let waiting = Some(&governance.authorities).filter(|list| **list != PendingAuthorities::default());
        put(&mut host, &announced::authorities()?, waiting)?;
        put(&mut host, &announced::upgrades()?, Some(upgrades).filter(|list| !list.0.is_empty()))?;
        Ok(host.durable)
    }
}

fn path_of<V: Value>(key: &Key<V>) -> String {
    key.path().to_string()
}

/// Where [`Engine::adopt`] writes.
fn adopted() -> Result<[String; 5], EngineError> {
    Ok([
        path_of(&sequencers::key()?),
        path_of(&sequencers::change()?),
        path_of(&parameters::key()?),
        path_of(&announced::authorities()?),
        path_of(&announced::upgrades()?),
    ])
}

/// One change of a state: a path, and the value there, or none.
pub type Premise = (Vec<u8>, Option<Vec<u8>>);

impl Engine {
    /// The state with what another node says that the layer 1 decided and brought before the next block: nothing but
    /// what [`Engine::adopt`] and [`Engine::delay`] may change.
    ///
    /// # Errors
    /// [`EngineError::Premise`] names a path that is none of those, [`EngineError::Layout`].
    pub fn presume(&self, state: &Durable, premises: &[Premise]) -> Result<Durable, EngineError> {
        let decided = adopted()?;
        let bounds = delayed::bounds()?;
        let inbox = bounds.path().as_str().rsplit_once('/').map(|(inbox, _)| format!("{inbox}/"));
        let mut state = state.clone();
        for (path, value) in premises {
            let refused = || EngineError::Premise { path: String::from_utf8_lossy(path).into_owned() };
            let text = std::str::from_utf8(path).map_err(|_| refused())?;
            let is_delayed = inbox.as_ref().is_some_and(|inbox| text.starts_with(inbox));
            if !is_delayed && !decided.iter().any(|known| known == text) {
                return Err(refused());
            }
            let key = durable::Key::parse(path).map_err(|_| refused())?;
            match value {
                Some(value) => state.set(key, value.clone()),
                None => {
                    state.delete_value(key);
                }
            }
        }
        Ok(state)
    }
}

fn is_known(version: Option<StorageVersion>) -> bool {
    version.is_none_or(|version| version == version::CURRENT)
}

fn read<V: Value>(values: &impl Fn(&str) -> Option<Vec<u8>>, key: &Key<V>) -> Result<Option<V>, EngineError> {
    let path = key.path().as_str();
    let Some(bytes) = values(path) else { return Ok(None) };
    let corrupt = || match PathBuf::new(path.to_owned()) {
        Ok(path) => LayoutError::Corrupt { path },
        Err(_) => LayoutError::Path,
    };
    Ok(Some(V::decode(&bytes).ok_or_else(corrupt)?))
}

fn read_or_lose<V: Value + Default>(values: &impl Fn(&str) -> Option<Vec<u8>>, key: &Key<V>) -> V {
    values(key.path().as_str()).and_then(|bytes| V::decode(&bytes)).unwrap_or_default()
}

/// Writes what differs.
fn put<V: Value + PartialEq>(
    host: &mut NativeHost,
    key: &Key<V>,
    value: Option<&V>,
) -> Result<(), LayoutError> {
    match value {
        value if key.read_or_lose(host)?.as_ref() == value => Ok(()),
        Some(value) => key.write(host, value),
        None => key.delete(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::tests::engine_of;
    use millrace_layout::{
        delayed::{Content, Item},
        governance::{PendingAuthority, PendingUpgrade, Source},
    };
    use millrace_primitives::{Address, Epoch, L1Level, Timestamp, TransactionHash};
    use millrace_wire::signature::PublicKey;

    fn key(number: u8) -> PublicKey {
        PublicKey::Ed25519([number; 32])
    }

    fn upgrade(number: u8) -> PendingUpgrade {
        let activation = Timestamp::new(u64::from(number));
        PendingUpgrade { root_hash: [number; 33], activation, source: Source::Admin }
    }

    fn list(numbers: &[u8]) -> PendingUpgrades {
        PendingUpgrades(numbers.iter().map(|number| upgrade(*number)).collect())
    }

    /// A rollup node's state after some decisions.
    fn decided() -> Governance {
        let change = PendingAuthority {
            number: 2,
            announced_at: L1Level::new(8),
            members: vec![key(3)],
            quorum: 1,
            pool: None,
            activation: Timestamp::new(5_000),
        };
        Governance {
            version: Some(version::CURRENT),
            clock: Some(L1Clock { level: L1Level::new(9), timestamp: Timestamp::new(1_000) }),
            authority: Some(Authority::single(Epoch::new(1), key(2))),
            change: Some(Change { epoch: Epoch::new(1), number: 1, activation: Timestamp::new(900) }),
            authorities: PendingAuthorities { next_number: 3, key_changes: 0, waiting: vec![change] },
            upgrades: list(&[7]),
            parameters: Some(Parameters { pool: Address::repeat_byte(9), ..Parameters::default() }),
            kernel_root: None,
            queue: Bounds::default(),
        }
    }

    fn local(version: StorageVersion) -> (Engine, Durable) {
        let mut host = NativeHost::new(&Durable::new());
        sequencers::key().unwrap().write(&mut host, &Authority::single(Epoch::ZERO, key(1))).unwrap();
        let engine = engine_of(&mut host, &Parameters::default());
        version::key().unwrap().write(&mut host, &version).unwrap();
        (engine, host.durable)
    }

    #[test]
    fn only_what_the_layer_1_decides_and_brings_can_be_presumed() {
        let (engine, state) = local(version::CURRENT);
        let decided = decided();
        let item = Item {
            name: TransactionHash::new([7; 32]),
            level: L1Level::new(3),
            timestamp: Timestamp::new(30),
            content: Content::Transaction(vec![1]),
        };
        let adopted = engine.adopt(&state, &decided, &decided.upgrades).unwrap();
        let presumed = engine.delay(&adopted, &item).unwrap();
        let changes = presumed.changes_since(&state).into_iter();
        let premises: Vec<Premise> = changes.map(|change| (change.key.into_bytes(), change.value)).collect();
        assert!(premises.len() > 5, "{premises:?}");
        assert!(engine.presume(&state, &premises).unwrap().changes_since(&presumed).is_empty());
        let [clock, kernel] = [clock::key().unwrap().path().to_string(), "/kernel/boot.wasm".to_owned()];
        for path in [&clock, &kernel, "/evm/world/head", "/base/delayed", "", "/\u{e9}"] {
            let premise = (path.as_bytes().to_vec(), Some(vec![1]));
            let refused = engine.presume(&state, &[premise]);
            assert!(
                matches!(refused, Err(EngineError::Premise { path: ref told }) if told == path),
                "{path}"
            );
        }
        let refused = engine.presume(&state, &[(vec![0xff], None)]);
        assert!(matches!(refused, Err(EngineError::Premise { .. })));
    }

    #[test]
    fn what_was_decided_is_in_the_state_that_adopts_it() {
        let (engine, state) = local(version::CURRENT);
        let decided = decided();
        let adopted = engine.adopt(&state, &decided, &decided.upgrades).unwrap();
        // The clock is the inbox's business.
        assert_eq!(engine.governance(&adopted).unwrap(), Governance { clock: None, ..decided.clone() });
        let again = engine.adopt(&adopted, &decided, &decided.upgrades).unwrap();
        assert!(again.changes_since(&adopted).is_empty(), "what is there is not written again");

        let removed = Governance { authority: None, authorities: PendingAuthorities::default(), ..decided };
        let adopted = engine.adopt(&adopted, &removed, &list(&[])).unwrap();
        let found = engine.governance(&adopted).unwrap();
        assert_eq!((found.authority, found.upgrades), (None, list(&[])));
        assert_eq!(found.authorities, PendingAuthorities::default());
    }

    #[test]
    fn a_storage_of_another_layout_is_left_alone() {
        let (engine, state) = local(StorageVersion(version::CURRENT.0 + 1));
        let decided = decided();
        let adopted = engine.adopt(&state, &decided, &decided.upgrades).unwrap();
        assert!(adopted.changes_since(&state).is_empty());
        let (engine, state) = local(version::CURRENT);
        let newer = Governance { version: Some(StorageVersion(version::CURRENT.0 + 1)), ..decided };
        let adopted = engine.adopt(&state, &newer, &newer.upgrades).unwrap();
        assert!(adopted.changes_since(&state).is_empty());
    }

    #[test]
    fn a_value_that_does_not_decode_is_named_and_a_list_is_lost() {
        let authority = sequencers::key().unwrap().path().to_string();
        let error = Governance::decode(|path| (path == authority).then(|| vec![1, 2, 3])).unwrap_err();
        assert!(error.to_string().contains(&authority), "{error}");
        let upgrades = announced::upgrades().unwrap().path().to_string();
        let lost = Governance::decode(|path| (path == upgrades).then(|| vec![1, 2, 3])).unwrap();
        assert_eq!(lost.upgrades, list(&[]));
    }

    #[test]
    fn no_upgrade_is_carried_out_twice() {
        let check = |announced: &[u8], since_confirmed: &[&[u8]], to_come: &[u8]| {
            let lists: Vec<_> = since_confirmed.iter().map(|numbers| list(numbers)).collect();
            let head = lists.last().unwrap().clone();
            assert_eq!(upgrades_to_come(&list(announced), &head, lists), list(to_come), "{announced:?}");
        };
        check(&[1], &[&[]], &[1]);
        check(&[1], &[&[1]], &[1]);
        check(&[1, 2], &[&[1], &[]], &[2]);
        check(&[1, 2], &[&[], &[1], &[2]], &[2]);
        check(&[], &[&[1]], &[]);
        check(&[2], &[&[1, 2], &[2]], &[2]);
    }
}
