//! A sandbox that is killed (SIGKILL) again and again while it makes levels as fast as it can: nothing that it
//! told is lost, no level is run twice.
//!
//! This program starts itself as the victim. The victim tells each message that was taken and each level that
//! was processed on its standard output, after the fact.

#[path = "it/kernel.rs"]
#[allow(dead_code, reason = "shared with the other tests, which use all of it")]
mod kernel;

use kernel::{Site, client, count};
use millrace_l1::client::BlockId;
use millrace_l1::sandbox::{Sandbox, SandboxConfig};
use millrace_primitives::L1Level;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// In the environment of the victim: the folder of the site.
const SITE: &str = "MILLRACE_TEST_SITE";
/// Lines of the victim before each kill.
const LINES: [usize; 6] = [1, 2, 5, 11, 23, 40];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match std::env::var_os(SITE) {
        Some(folder) => runtime.block_on(victim(&Site::at(folder.into()))),
        None => runtime.block_on(killer()),
    }
}

/// Makes levels and injects numbered messages until it is killed, or nobody listens any more.
async fn victim(site: &Site) {
    let config = SandboxConfig { level_time_ms: Some(1), ..site.config() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let node = client(&sandbox);
    let mut progress = sandbox.progress();
    let mut out = std::io::stdout();
    for number in 0u32.. {
        node.inject(&[format!("number {number}")]).await.unwrap();
        let told = writeln!(out, "message {number}");
        progress.changed().await.unwrap();
        let told = told.and(writeln!(out, "level {}", progress.borrow_and_update().processed));
        if told.and(out.flush()).is_err() {
            return;
        }
    }
}

async fn killer() {
    let site = Site::new();
    let mut included = 0;
    let mut level = 0;
    for lines in LINES {
        let (told_messages, told_level) = kill_after(&site, lines);
        let sandbox = Sandbox::start(site.config()).await.unwrap();
        assert!(sandbox.head().level.get() >= told_level, "level {told_level} was told and is lost");
        assert!(sandbox.head().level.get() >= level);
        // Everything that waited goes into this level, and what was not run is run.
        let head = sandbox.bake().await.unwrap();
        level = head.level.get();
        let messages = all_messages(&sandbox, level).await;
        let new = messages.len() - included;
        assert!(new >= told_messages, "{told_messages} messages were taken, {new} are there");
        let in_order = messages[included..].iter().enumerate();
        for (number, message) in in_order {
            assert_eq!(message, format!("number {number}").as_bytes(), "each once, in order");
        }
        included = messages.len();
        let expected = count(3 * level + u32::try_from(included).unwrap());
        let counted = client(&sandbox).durable_value(BlockId::Head, "/count").await.unwrap();
        assert_eq!(counted, Some(expected), "each level and message was run once");
        sandbox.shutdown().await;
    }
    assert!(included > 0 && level > 0);
    eprintln!("killed {} times: {level} levels and {included} messages, none lost", LINES.len());
}

/// Starts a victim, kills it after so many lines; answers the messages and the level that it told of.
fn kill_after(site: &Site, lines: usize) -> (usize, u32) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .env(SITE, site.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(victim.stdout.take().unwrap()).lines();
    let (mut messages, mut level) = (0, 0);
    let mut note = |line: &str| match line.split_once(' ') {
        Some(("message", number)) => messages = number.parse::<usize>().unwrap() + 1,
        Some(("level", number)) => level = number.parse().unwrap(),
        _ => panic!("{line}"),
    };
    for line in told.by_ref().take(lines) {
        note(&line.unwrap());
    }
    victim.kill().unwrap();
    let status = victim.wait().unwrap();
    assert!(!status.success(), "it was killed and did not end by itself");
    // What it had said before it died; the last line may be cut short.
    let rest: Vec<String> = told.map_while(Result::ok).collect();
    rest.iter().rev().skip(1).rev().for_each(|line| note(line));
    (messages, level)
}

/// The external messages of all levels in order, without their tags.
async fn all_messages(sandbox: &Sandbox, head: u32) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for level in 1..=head {
        let url = format!("{}/global/block/{level}", sandbox.endpoint());
        let block: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        for message in block["messages"].as_array().unwrap() {
            let bytes = hex::decode(message.as_str().unwrap()).unwrap();
            messages.extend(bytes.strip_prefix(&[1]).map(<[u8]>::to_vec));
        }
    }
    assert_eq!(sandbox.node_status().head.record.level, L1Level::new(head));
    messages
}
