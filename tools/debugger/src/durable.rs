//! Looks into the durable storage: as the tree that Octez keeps, as keys and values, as what differs between two points.

use crate::reply::Reply;
use crate::values::{Kind, show};
use millrace_pvm::durable::{Durable, Key, Value};
use serde_json::json;

/// How deep `show durable storage` goes, in steps of Octez's tree.
const TREE_DEPTH_MAX: usize = 10;
/// Bytes of a leaf of that tree.
const CHUNK_BYTES: usize = 512;
/// Values up to this size are shown whole by a difference, larger ones by their beginnings.
const SHOWN_BYTES_MAX: usize = 64;
/// Bytes that a single answer shows of a value.
const VALUE_BYTES_MAX: usize = 64 << 20;

/// `show durable storage`: every node of Octez's tree with the bytes that it has itself. The value of a key is its subtree
/// `@`: its length, and its contents in chunks of 512 bytes, the last one filled up with zeros.
pub(crate) fn tree(durable: &Durable) -> Reply {
    let mut lister = Lister::default();
    lister.directory(durable, "", 0);
    Reply { text: lister.text, ..Reply::default() }.with("nodes", lister.nodes)
}

#[derive(Default)]
struct Lister {
    text: String,
    nodes: Vec<serde_json::Value>,
}

impl Lister {
    fn node(&mut self, key: &str, bytes: &[u8]) {
        let (key, digits) = (if key.is_empty() { "/" } else { key }, hex::encode(bytes));
        self.text.push_str(&format!("{key}\n  {digits}\n"));
        self.nodes.push(json!({ "key": key, "bytes": digits }));
    }

    /// The names below a key and its value, in the order of their names; `@` is that of the value.
    fn directory(&mut self, durable: &Durable, key: &str, depth: usize) {
        self.node(key, &[]);
        if depth == TREE_DEPTH_MAX {
            return;
        }
        let mut names = durable.subkeys(key);
        let value = durable.get(key);
        if value.is_some() {
            let at = names.partition_point(|name| name.as_str() < "@");
            names.insert(at, "@".to_owned());
        }
        for name in names {
            let below = format!("{key}/{name}");
            match value {
                Some(value) if name == "@" => self.value(&below, value, depth + 1),
                _ => self.directory(durable, &below, depth + 1),
            }
        }
    }

    fn value(&mut self, key: &str, value: &Value, depth: usize) {
        self.node(key, &[]);
        if depth == TREE_DEPTH_MAX {
            return;
        }
        // A value that was never written takes no room, and must not do so here.
        let chunks = value.len().min(VALUE_BYTES_MAX).div_ceil(CHUNK_BYTES);
        if chunks > 0 {
            let contents = format!("{key}/contents");
            self.node(&contents, &[]);
            let mut indices: Vec<String> = (0..chunks).map(|index| index.to_string()).collect();
            indices.sort_unstable();
            if depth + 1 < TREE_DEPTH_MAX {
                for index in indices {
                    let mut chunk =
                        value.read(index.parse().unwrap_or(0) * CHUNK_BYTES, CHUNK_BYTES).into_owned();
                    chunk.resize(CHUNK_BYTES, 0);
                    self.node(&format!("{contents}/{index}"), &chunk);
                }
            }
        }
        self.node(&format!("{key}/length"), &(value.len() as u64).to_be_bytes());
    }
}

/// `show subkeys`: the names right below a path.
pub(crate) fn subkeys(durable: &Durable, path: &str) -> Reply {
    if !path.starts_with('/') {
        return Reply::line("Invalid path, it must start with '/'");
    }
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let key: String = steps.iter().flat_map(|step| ["/", step]).collect();
    if !durable.exists(&key) && !key.is_empty() {
        return Reply::line(format!("The path {} is not available in the durable storage", or_root(&key)));
    }
    let names = durable.subkeys(&key);
    let text = names.iter().map(|name| format!("/{name}\n")).collect::<String>();
    Reply::new(text).with("subkeys", names)
}

fn or_root(key: &str) -> &str {
    if key.is_empty() { "/" } else { key }
}

/// `show key`.
pub(crate) fn key(durable: &Durable, text: &str, kind: Kind) -> Reply {
    let Ok(key) = Key::parse(text.as_bytes()) else { return Reply::line("Invalid key") };
    match durable.get(key.as_str()) {
        None => Reply::line("Key not found"),
        Some(value) => {
            let cut = value.len() > VALUE_BYTES_MAX;
            let bytes = value.read(0, VALUE_BYTES_MAX);
            let shown = show(kind, &bytes);
            let ends = if cut { format!("… of {} bytes\n", value.len()) } else { "\n".into() };
            Reply::new(format!("{shown}{ends}")).with("value", shown).with("size_bytes", value.len())
        }
    }
}

/// What differs between two points: `+` is only in the later one, `-` only in the earlier, `~` in both but another.
pub(crate) fn differences(older: (&str, &Durable), newer: (&str, &Durable)) -> Reply {
    let changes = newer.1.differences_since(older.1);
    let mut text = match changes.len() {
        0 => format!("No value differs between {} and {}\n", older.0, newer.0),
        1 => format!("1 value differs between {} and {}:\n", older.0, newer.0),
        count => format!("{count} values differ between {} and {}:\n", older.0, newer.0),
    };
    let mut listed = Vec::new();
    for (key, new) in changes {
        let old = older.1.get(&key);
        let shown_key = or_root(&key);
        match (old, new) {
            (None, Some(new)) => text.push_str(&format!("+ {shown_key} {}\n", brief(new))),
            (Some(old), None) => text.push_str(&format!("- {shown_key} {}\n", brief(old))),
            (Some(old), Some(new)) => {
                text.push_str(&format!("~ {shown_key} {} -> {}\n", brief(old), brief(new)));
            }
            (None, None) => continue,
        }
        listed.push(json!({ "key": shown_key, "before": described(old), "after": described(new) }));
    }
    Reply::new(text).with("from", older.0).with("to", newer.0).with("differences", listed)
}

fn start_of(value: &Value) -> String {
    let cut = if value.len() > SHOWN_BYTES_MAX { "…" } else { "" };
    format!("{}{cut}", hex::encode(value.read(0, SHOWN_BYTES_MAX)))
}

fn brief(value: &Value) -> String {
    format!("({} bytes) {}", value.len(), start_of(value)).trim_end().to_owned()
}

fn described(value: Option<&Value>) -> serde_json::Value {
    value.map_or(
        serde_json::Value::Null,
        |value| json!({ "size_bytes": value.len(), "start": hex::encode(value.read(0, SHOWN_BYTES_MAX)) }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage() -> Durable {
        Durable::from_values([
            ("/a/B", b"x".to_vec()),
            ("/a", vec![7; 513]),
            ("/a/9", vec![]),
            ("/z", vec![1]),
        ])
        .unwrap()
    }

    #[test]
    fn the_tree_is_octez_s() {
        let text = tree(&storage()).text;
        let chunk = |bytes: &[u8]| {
            let mut chunk = bytes.to_vec();
            chunk.resize(512, 0);
            hex::encode(chunk)
        };
        let expected = [
            ("/", String::new()),
            ("/a", String::new()),
            ("/a/9", String::new()),
            ("/a/9/@", String::new()),
            ("/a/9/@/length", "00".repeat(8)),
            ("/a/@", String::new()),
            ("/a/@/contents", String::new()),
            ("/a/@/contents/0", chunk(&[7; 512])),
            ("/a/@/contents/1", chunk(&[7])),
            ("/a/@/length", "0000000000000201".into()),
            ("/a/B", String::new()),
            ("/a/B/@", String::new()),
            ("/a/B/@/contents", String::new()),
            ("/a/B/@/contents/0", chunk(b"x")),
            ("/a/B/@/length", "0000000000000001".into()),
            ("/z", String::new()),
            ("/z/@", String::new()),
            ("/z/@/contents", String::new()),
            ("/z/@/contents/0", chunk(&[1])),
            ("/z/@/length", "0000000000000001".into()),
        ];
        let expected: String = expected.iter().map(|(key, bytes)| format!("{key}\n  {bytes}\n")).collect();
        assert_eq!(text, expected);
        // Ten steps down and no further.
        let deep = Durable::from_values([("/1/2/3/4/5/6/7/8/9/10/11", vec![1])]).unwrap();
        assert!(tree(&deep).text.ends_with("/1/2/3/4/5/6/7/8/9/10\n  \n"));
    }

    #[test]
    fn keys_and_names_are_looked_up_as_octez_does() {
        let durable = storage();
        assert_eq!(subkeys(&durable, "/").text, "/a\n/z\n");
        assert_eq!(subkeys(&durable, "//a/").text, "/9\n/B\n");
        assert_eq!(subkeys(&durable, "/z").text, "");
        assert_eq!(subkeys(&durable, "/q").text, "The path /q is not available in the durable storage\n");
        assert_eq!(subkeys(&durable, "a").text, "Invalid path, it must start with '/'\n");
        assert_eq!(key(&durable, "/a/B", Kind::Hex).text, "78\n");
        assert_eq!(key(&durable, "/a/B", Kind::String).text, "x\n");
        assert_eq!(key(&durable, "/a/C", Kind::Hex).text, "Key not found\n");
        assert_eq!(key(&durable, "a", Kind::Hex).text, "Invalid key\n");
        assert_eq!(key(&durable, &"/a".repeat(121), Kind::Hex).text, "Invalid key\n");
    }

    #[test]
    fn a_value_of_two_gigabytes_that_was_never_written_is_shown_in_part() {
        let mut durable = Durable::new();
        durable.set(Key::constant("/c"), Value::created(i32::MAX as usize));
        let reply = key(&durable, "/c", Kind::Hex);
        assert_eq!(reply.members["size_bytes"], i32::MAX);
        assert!(reply.text.ends_with("00… of 2147483647 bytes\n"));
        let changes = differences(("a", &Durable::new()), ("b", &durable));
        let shown = format!("+ /c (2147483647 bytes) {}…\n", "00".repeat(SHOWN_BYTES_MAX));
        assert_eq!(changes.text, format!("1 value differs between a and b:\n{shown}"));
    }

    #[test]
    fn differences_say_what_came_went_and_changed() {
        let older = storage();
        let mut newer = older.clone();
        newer.set(Key::constant("/a/B"), b"yy".to_vec());
        newer.set(Key::constant("/n"), vec![]);
        newer.delete(Key::constant("/z"));
        let reply = differences(("level:1", &older), ("now", &newer));
        let lines = "~ /a/B (1 bytes) 78 -> (2 bytes) 7979\n+ /n (0 bytes)\n- /z (1 bytes) 01\n";
        assert_eq!(reply.text, format!("3 values differ between level:1 and now:\n{lines}"));
        assert_eq!(
            reply.members["differences"][0],
            json!({
                "key": "/a/B",
                "before": { "size_bytes": 1, "start": "78" },
                "after": { "size_bytes": 2, "start": "7979" }
            })
        );
        assert_eq!(differences(("a", &newer), ("b", &newer)).text, "No value differs between a and b\n");
    }
}
