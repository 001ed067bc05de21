use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Model = BTreeMap<String, Vec<u8>>;

const KEYS: [&str; 12] =
    ["/a", "/a/b", "/a/b/c", "/a/b/d", "/a-b", "/a.b/x", "/b", "/b/a", "/b/a/b", "/c/d/e/f", "/c/d", "/@"];

#[derive(Clone, Debug)]
enum Step {
    Set(usize, Vec<u8>),
    Append(usize, Vec<u8>),
    Delete(usize),
    DeleteValue(usize),
    Copy(usize, usize),
    Rename(usize, usize),
    Remember,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    let bytes = || proptest::collection::vec(any::<u8>(), 0..4);
    prop_oneof![
        3 => (key(), bytes()).prop_map(|(key, bytes)| Step::Set(key, bytes)),
        2 => (key(), bytes()).prop_map(|(key, bytes)| Step::Append(key, bytes)),
        1 => key().prop_map(Step::Delete),
        1 => key().prop_map(Step::DeleteValue),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => Just(Step::Remember),
    ]
}

fn is_at_or_below(key: &str, top: &str) -> bool {
    key.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn take(model: &mut Model, top: &str) -> Vec<(String, Vec<u8>)> {
    let keys: Vec<String> = model.keys().filter(|key| is_at_or_below(key, top)).cloned().collect();
    keys.into_iter()
        .map(|key| {
            let value = model.remove(&key).unwrap();
            (key[top.len()..].to_owned(), value)
        })
        .collect()
}

fn put(model: &mut Model, top: &str, below: Vec<(String, Vec<u8>)>) {
    take(model, top);
    model.extend(below.into_iter().map(|(rest, value)| (format!("{top}{rest}"), value)));
}

fn apply(step: &Step, durable: &mut Durable, model: &mut Model) {
    match step {
        Step::Set(key, bytes) => {
            durable.set(Key::trusted(KEYS[*key]), bytes.clone());
            model.insert(KEYS[*key].into(), bytes.clone());
        }
        Step::Append(key, bytes) => {
            let size = durable.get(KEYS[*key]).map_or(0, Value::len);
            durable.store_write(Key::trusted(KEYS[*key]), size, bytes).unwrap();
            model.entry(KEYS[*key].into()).or_default().extend_from_slice(bytes);
        }
        Step::Delete(key) => {
            let was_there = durable.delete(Key::trusted(KEYS[*key]));
            assert_eq!(was_there, !take(model, KEYS[*key]).is_empty());
        }
        Step::DeleteValue(key) => {
            let was_there = durable.delete_value(Key::trusted(KEYS[*key]));
            assert_eq!(was_there, model.remove(KEYS[*key]).is_some());
        }
        Step::Copy(from, to) => {
            let copied = durable.copy(Key::trusted(KEYS[*from]), Key::trusted(KEYS[*to]));
            let below = take(&mut model.clone(), KEYS[*from]);
            assert_eq!(copied, !below.is_empty());
            if copied {
                put(model, KEYS[*to], below);
            }
        }
        Step::Rename(from, to) => {
            let moved = durable.rename(Key::trusted(KEYS[*from]), Key::trusted(KEYS[*to]));
            let below = take(model, KEYS[*from]);
            assert_eq!(moved, !below.is_empty());
            if moved {
                put(model, KEYS[*to], below);
            }
        }
        Step::Remember => {}
    }
}

fn contents(durable: &Durable) -> Model {
    durable.values().map(|(key, value)| (key, value.to_bytes().into_owned())).collect()
}

fn applied(changes: Vec<Change>, mut model: Model) -> Model {
    for change in changes {
        match change.value {
            Some(value) => assert_ne!(model.insert(change.key, value.clone()), Some(value), "no change"),
            None => assert!(model.remove(&change.key).is_some(), "nothing to delete"),
        };
    }
    model
}

fn check(durable: &Durable, model: &Model) {
    assert_eq!(&contents(durable), model);
    for key in KEYS {
        let below = model.keys().filter(|other| is_at_or_below(other, key)).count();
        let has_value = model.contains_key(key);
        assert_eq!(durable.get(key).map(|value| value.to_bytes().into_owned()), model.get(key).cloned());
        let expected = i32::from(has_value) + 2 * i32::from(below > usize::from(has_value));
        assert_eq!(durable.store_has(Key::trusted(key)), expected, "{key}");
        let mut names: Vec<&str> = model
            .keys()
            .filter_map(|other| other.strip_prefix(key)?.strip_prefix('/')?.split('/').next())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(durable.subkeys(key), names);
    }
    let rebuilt = Durable::from_values(
        model.iter().filter(|(key, _)| !key.contains('@')).map(|(key, value)| (key, value.clone())),
    )
    .unwrap();
    let mut without_odd_name = durable.clone();
    without_odd_name.delete(Key::trusted("/@"));
    assert_eq!(rebuilt.hash(), without_odd_name.hash(), "the hash depends on the contents only");
}

proptest! {
    #[test]
    fn it_behaves_as_a_sorted_map_of_keys(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut durable, mut model) = (Durable::new(), Model::new());
        let mut remembered = vec![(durable.clone(), model.clone())];
        for step in &steps {
            apply(step, &mut durable, &mut model);
            if matches!(step, Step::Remember) {
                remembered.push((durable.clone(), model.clone()));
            }
        }
        check(&durable, &model);
        for (old_durable, old_model) in remembered {
            prop_assert_eq!(&contents(&old_durable), &old_model, "an old version has changed");
            prop_assert_eq!(applied(durable.changes_since(&old_durable), old_model.clone()), model.clone());
            prop_assert_eq!(applied(old_durable.changes_since(&durable), model.clone()), old_model);
        }
    }

    #[test]
    fn wide_directories_keep_their_order(seed in any::<u64>(), removals in 0usize..3000) {
        let mut random = seed | 1;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let (mut durable, mut model) = (Durable::new(), Model::new());
        for _ in 0..2000 {
            let key = format!("/w/{:x}", next() % 4096);
            durable.set(Key::trusted(&key), key.as_bytes());
            model.insert(key.clone(), key.into_bytes());
        }
        let (before, model_before) = (durable.clone(), model.clone());
        for _ in 0..removals {
            let key = format!("/w/{:x}", next() % 4096);
            prop_assert_eq!(durable.delete(Key::trusted(&key)), model.remove(&key).is_some());
        }
        prop_assert_eq!(&contents(&durable), &model);
        prop_assert_eq!(&contents(&before), &model_before);
        let top = Key::trusted("/w");
        prop_assert_eq!(durable.store_list_size(top), model.len() as u64);
        for (index, key) in model.keys().enumerate() {
            prop_assert_eq!(durable.store_get_nth_key(top, index as i64).unwrap(), &key[3..]);
        }
        prop_assert_eq!(durable.store_get_nth_key(top, model.len() as i64).is_ok(), false);
        prop_assert_eq!(applied(durable.changes_since(&before), model_before), model);
    }

    #[test]
    fn sparse_values_read_as_zeros_until_written(
        size in 0usize..3000,
        writes in proptest::collection::vec((0usize..3000, 1usize..1200), 0..6),
    ) {
        let mut value = Value::created(size);
        let mut model = vec![0; size];
        for (offset, count) in writes {
            let offset = offset.min(model.len());
            let bytes: Vec<u8> = (0..count).map(|n| n as u8 | 1).collect();
            value.write(offset, &bytes);
            model.resize(model.len().max(offset + count), 0);
            model[offset..offset + count].copy_from_slice(&bytes);
        }
        prop_assert_eq!(&value.to_bytes()[..], &model[..]);
        prop_assert_eq!(&value.read(5, 700)[..], &model[5.min(model.len())..705.min(model.len())]);
        prop_assert_eq!(Value::from_record(&value.to_record()), Some(value));
    }
}

fn hash_of(values: &[(&str, Value)]) -> String {
    let mut durable = Durable::new();
    for (key, value) in values {
        durable.set(Key::trusted(key), value.clone());
    }
    crate::reveal::hex(&durable.hash_of("/h").unwrap())
}

#[test]
fn hashes_are_those_of_octez() {
    let bytes = |text: &str| Value::from(text.as_bytes());
    let numbered = |prefix: &str, count: usize| -> Vec<(String, Value)> {
        (0..count).map(|n| (format!("/h/{prefix}{n}"), bytes(&n.to_string()))).collect()
    };
    let digits = numbered("", 10);
    let forty = numbered("k", 40);
    let cases: [(&[(&str, Value)], &str); 8] = [
        (&[("/h", bytes("hello"))], "756328598547440677911b543d5e5944c94922995710374b9e4fce9042083931"),
        (&[("/h", bytes(""))], "a4bb792ef155150687991dd17ba10fd6e9fad088775084abda5f90d788d7debb"),
        (&[("/h", Value::created(10))], "24e9e11f7000241134fd70ff8bb8153ab98f8de14c27d7f00fea6bdb25e3fef1"),
        (
            &[("/h", vec![b'a'; 600].into())],
            "5b35d8f76b1a1a8c6ca3311d6015dbaa3babf6e6cd58abc4dd1713b79034bf33",
        ),
        (
            &[("/h", vec![b'a'; 512].into())],
            "fd80dd7a4937126a2a4715017e526b749a95b3bb80c542f6b40924d5d96d4a78",
        ),
        (
            &[("/h/a", bytes("x")), ("/h/b", bytes("x")), ("/h/c", bytes("x"))],
            "6216a6949efd68567d9f318c4655837d2a9b6b89b1366ca73c846bc3923d6734",
        ),
        (
            &[("/h", bytes("v")), ("/h/c", bytes("w"))],
            "daf01726e4e9c1f02c25a3405b2f3c04326ea681783a5f7368c35f62327e0180",
        ),
        (&[("/h", Value::created(1000))], "21522cbc101e08dbfd796653ece36cb396e609f9885d4c9a0066c1e29253a700"),
    ];
    for (values, expected) in cases {
        assert_eq!(hash_of(values), expected, "{values:?}");
    }
    let borrowed = |values: &'static [(String, Value)]| -> Vec<(&'static str, Value)> {
        values.iter().map(|(key, value)| (key.as_str(), value.clone())).collect()
    };
    assert_eq!(
        hash_of(&borrowed(digits.leak())),
        "2eb956c750b8b64d21623847192697e935fb4939a7623267f36c8fc973f30ef5"
    );
    assert_eq!(
        hash_of(&borrowed(forty.leak())),
        "addc7b35f0dee58ed5ebc144cfce93fc101a0c9275e5ba7098e8607d76710929"
    );
}

#[test]
fn a_change_is_seen_in_the_hash_above_it() {
    let mut durable = Durable::new();
    durable.set(Key::trusted("/a/b/c"), b"1".as_slice());
    let before = durable.hash();
    let old = durable.clone();
    durable.store_write(Key::trusted("/a/b/c"), 0, b"2").unwrap();
    assert_ne!(durable.hash(), before);
    assert_eq!(old.hash(), before);
    durable.store_write(Key::trusted("/a/b/c"), 0, b"1").unwrap();
    assert_eq!(durable.hash(), before);
}

/// Steps in a directory so wide that its hash tree is kept, with versions that share it.
#[derive(Clone, Debug)]
enum WideStep {
    Set(u16, u8),
    SetBelow(u16, u8),
    Delete(u16),
    CopyAll,
    SwapAll,
    Hash,
    Back,
}

fn wide_step() -> impl Strategy<Value = WideStep> {
    let name = || 0u16..150;
    prop_oneof![
        6 => (name(), any::<u8>()).prop_map(|(name, byte)| WideStep::Set(name, byte)),
        3 => (name(), any::<u8>()).prop_map(|(name, byte)| WideStep::SetBelow(name, byte)),
        4 => name().prop_map(WideStep::Delete),
        1 => Just(WideStep::CopyAll),
        1 => Just(WideStep::SwapAll),
        3 => Just(WideStep::Hash),
        1 => Just(WideStep::Back),
    ]
}

fn apply_wide(step: &WideStep, durable: &mut Durable, versions: &mut Vec<Durable>) {
    let (wide, other) = (Key::constant("/wide"), Key::constant("/other"));
    match step {
        WideStep::Set(name, byte) => durable.set(Key::trusted(&format!("/wide/{name}")), vec![*byte]),
        WideStep::SetBelow(name, byte) => durable.set(Key::trusted(&format!("/wide/{name}/x")), vec![*byte]),
        WideStep::Delete(name) => drop(durable.delete(Key::trusted(&format!("/wide/{name}")))),
        WideStep::CopyAll => drop(durable.copy(wide, other)),
        WideStep::SwapAll => {
            durable.rename(wide, Key::constant("/between"));
            durable.rename(other, wide);
            durable.rename(Key::constant("/between"), other);
        }
        WideStep::Hash => {
            durable.hash();
            versions.push(durable.clone());
        }
        WideStep::Back => {
            if let Some(version) = versions.pop() {
                *durable = version;
            }
        }
    }
}

fn hash_anew(durable: &Durable) -> NodeHash {
    let values = durable.values().map(|(key, value)| (key, value.clone()));
    Durable::from_values(values).unwrap().hash()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_kept_of_a_hash_is_never_stale(steps in proptest::collection::vec(wide_step(), 1..200)) {
        let mut durable = Durable::new();
        for name in 0..100 {
            durable.set(Key::trusted(&format!("/wide/{name}")), vec![0]);
        }
        durable.set(Key::constant("/wide"), vec![1]);
        let mut versions = Vec::new();
        for step in &steps {
            apply_wide(step, &mut durable, &mut versions);
        }
        prop_assert_eq!(durable.hash(), hash_anew(&durable));
        for version in versions {
            prop_assert_eq!(version.hash(), hash_anew(&version));
        }
    }
}

#[test]
fn depth_of_wide_directories_costs_no_stack() {
    let mut durable = Durable::new();
    for name in 0..100 {
        durable.set(Key::trusted(&format!("/template/{name}")), vec![0]);
    }
    // What is kept of this one is where each of the others begins.
    durable.hash();
    for _ in 0..20_000 {
        durable.copy(Key::constant("/template"), Key::constant("/next"));
        durable.rename(Key::constant("/deep"), Key::constant("/next/below"));
        durable.rename(Key::constant("/next"), Key::constant("/deep"));
    }
    let before = durable.hash();
    // The old hash trees hold on to the old directories.
    durable.set(Key::constant("/deep/below/below/x"), vec![1]);
    assert_ne!(durable.hash(), before);
    durable.delete(Key::constant("/deep"));
    drop(durable);
}

#[test]
fn depth_costs_no_stack() {
    // Each copy nests all there was once more: a kernel can do this as often as it likes.
    let mut durable = Durable::new();
    durable.set(Key::trusted("/d/x"), b"x".as_slice());
    for _ in 0..100_000 {
        assert!(durable.copy(Key::trusted("/d"), Key::trusted("/d/n")));
    }
    assert_ne!(durable.hash(), Durable::new().hash());
    assert_eq!(durable.hash_of("/d/n/n/x"), durable.hash_of("/d/x"));
    drop(durable);
}

#[test]
fn unshared_changes_copy_nothing_and_versions_share_what_is_equal() {
    let mut durable = Durable::new();
    durable.set(Key::trusted("/big"), vec![7; 1 << 20]);
    let kept = durable.clone();
    durable.copy(Key::trusted("/big"), Key::trusted("/copy"));
    durable.set(Key::trusted("/small"), vec![1]);
    let handles = ["/big", "/copy"].map(|key| durable.handle(key).unwrap());
    assert!(handles[0].is_same(&handles[1]));
    assert!(handles[0].is_same(&kept.handle("/big").unwrap()));
    assert_eq!(durable.differences_since(&kept).len(), 2);
    durable.store_write(Key::trusted("/copy"), 0, &[8]).unwrap();
    assert_eq!(kept.get("/big").unwrap().to_bytes()[0], 7);
    assert_eq!(durable.get("/copy").unwrap().to_bytes()[0], 8);
}

#[test]
fn records_that_are_none_are_refused() {
    assert_eq!(Value::from_record(&[]), None);
    assert_eq!(Value::from_record(&[2, 0]), None);
    assert_eq!(Value::from_record(&[1, 0, 0]), None);
    let too_large = [&[1], (1u64 << 40).to_le_bytes().as_slice()].concat();
    assert_eq!(Value::from_record(&too_large), None);
    assert_eq!(Value::from_record(&[0, 5]), Some(vec![5].into()));
}

#[test]
fn keys_are_checked_as_the_pvm_does() {
    let good = ["", "/a", "/.", "/..", "/A-Z_0.9/x"];
    for key in good {
        assert!(Key::parse(key.as_bytes()).is_ok(), "{key}");
    }
    for key in ["a", "/", "/a/", "//a", "/a b", "/@", "/é"] {
        assert_eq!(Key::parse(key.as_bytes()), Err(ErrorCode::InvalidKey), "{key}");
    }
    assert!(Key::parse(format!("/{}", "k".repeat(239)).as_bytes()).is_ok());
    assert_eq!(Key::parse(&[b'/'; 241]), Err(ErrorCode::KeyTooLarge));
    for (key, is_read_only) in [("", true), ("/readonly", true), ("/readonly/a", true), ("/readonlyx", false)]
    {
        assert_eq!(Key::trusted(key).is_read_only(), is_read_only, "{key}");
    }
    assert_eq!(Durable::from_values([("/a", vec![1]), ("b", vec![2])]).err(), Some(ErrorCode::InvalidKey));
}
