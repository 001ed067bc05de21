//! `millrace preimages` and `millrace kernel` as processes, on a small kernel.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of data in the kernel: some forty pages.
const DATA_BYTES: usize = 160_000;

fn millrace(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = millrace(arguments).output().unwrap();
    (status.code(), [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat())
}

/// The rest of the line that begins with a word.
fn value(text: &str, word: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(word));
    line.unwrap_or_else(|| panic!("no {word} in {text}")).trim().to_owned()
}

/// A folder with a kernel and its pages.
struct Site {
    dir: tempfile::TempDir,
    root: String,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = (0..DATA_BYTES).fold(String::new(), |mut text, n| {
            let _ = write!(text, "\\{:02x}", (n ^ n >> 8) & 0xff);
            text
        });
        let kernel = format!(
            r#"(module (memory (export "memory") 3) (func (export "kernel_run")) (data (i32.const 0) "{data}"))"#
        );
        fs::write(dir.path().join("kernel.wasm"), wat::parse_str(kernel).unwrap()).unwrap();
        let mut site = Self { dir, root: String::new() };
        let (code, text) =
            run(&["preimages", "make", &site.path("kernel.wasm"), "--out", &site.path("pages")]);
        assert_eq!(code, Some(0), "{text}");
        site.root = value(&text, "root hash");
        site
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn names(&self, folder: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn check(&self, folder: &str) -> (Option<i32>, String) {
        run(&["preimages", "check", "--dir", &self.path(folder), "--root-hash", &self.root])
    }

    fn fetch(&self, from: &str, to: &str) -> (Option<i32>, String) {
        let to = self.path(to);
        run(&["preimages", "fetch", "--root-hash", &self.root, "--from", from, "--to", &to])
    }
}

/// `millrace preimages serve`, killed in the end.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(dir: &str) -> Self {
        let mut child = millrace(&["preimages", "serve", "--dir", dir, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A fake endpoint that gives so many pages and answers nothing after; it tells of every request.
fn fake_that_stalls(pages: PathBuf, answers: usize) -> (String, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        // Kept open, or the client would ask elsewhere.
        let mut stalled = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            if number < answers {
                answer(stream, &pages)
            } else {
                stalled.push(stream)
            }
            tell(&sender, number);
        }
    });
    (url, requests)
}

fn tell(sender: &Sender<usize>, number: usize) {
    // The test may be over.
    let _ = sender.send(number);
}

fn answer(mut stream: TcpStream, pages: &Path) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let name = request.split(' ').nth(1).unwrap().trim_start_matches('/');
    let page = fs::read(pages.join(name)).unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", page.len());
    stream.write_all(&[head.as_bytes(), &page].concat()).unwrap();
}

#[test]
fn a_kernel_is_cut_served_fetched_and_looked_through() {
    let site = Site::new();
    let pages = site.names("pages");
    assert!(pages.len() > 40 && pages.contains(&site.root), "{} pages", pages.len());
    assert_eq!(site.check("pages").0, Some(0));
    let (code, text) = run(&["kernel", "hash", &site.path("kernel.wasm")]);
    assert_eq!((code, value(&text, "root hash")), (Some(0), site.root.clone()), "{text}");

    let mut served = Served::start(&site.path("pages"));
    let (code, text) = site.fetch(&served.url, "fetched");
    assert_eq!(code, Some(0), "{text}");
    assert!(value(&text, "fetched").starts_with(&format!("{} pages, 0 ", pages.len())), "{text}");
    assert_eq!(site.names("fetched"), pages);
    let check = ["governance", "check", "--root-hash", &site.root, "--preimages", &served.url, "--json"];
    let (_, text) = run(&check);
    assert!(text.contains(&format!("\"pages\": {}", pages.len())), "{text}");
    // One page goes, another is damaged: both are named, and fetched again.
    let [gone, damaged] = [pages.first(), pages.last()].map(|name| name.unwrap().clone());
    fs::remove_file(format!("{}/{gone}", site.path("fetched"))).unwrap();
    fs::write(format!("{}/{damaged}", site.path("fetched")), "damaged").unwrap();
    let (code, text) = site.check("fetched");
    assert_eq!(code, Some(1), "{text}");
    if site.root != gone && site.root != damaged {
        assert_eq!((value(&text, "missing"), value(&text, "damaged")), (gone, damaged), "{text}");
    }
    let (code, text) = site.fetch(&served.url, "fetched");
    assert_eq!(code, Some(0), "{text}");
    assert!(value(&text, "fetched").starts_with("2 pages"), "{text}");

    let term = Command::new("kill").args(["-TERM", &served.child.id().to_string()]).status().unwrap();
    assert!(term.success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0), "it stops in order");
    let (code, text) = site.fetch(&served.url, "nothing");
    assert_eq!((code, value(&text, "missing")), (Some(1), site.root.clone()), "{text}");
}

#[test]
fn a_fetch_that_is_killed_leaves_whole_pages_and_goes_on() {
    let site = Site::new();
    let (url, requests) = fake_that_stalls(site.path("pages").into(), 12);
    let to = site.path("fetched");
    let mut fetch = millrace(&["preimages", "fetch", "--root-hash", &site.root, "--from", &url, "--to", &to])
        .args(["--at-once", "4"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The fourth request that is not answered: all answers of before have been dealt with.
    while requests.recv().unwrap() < 15 {}
    fetch.kill().unwrap();
    fetch.wait().unwrap();
    let kept = site.names("fetched");
    for name in kept.iter().filter(|name| !name.ends_with(".part")) {
        let [theirs, ours] = ["pages", "fetched"].map(|folder| fs::read(site.path(folder) + "/" + name));
        assert_eq!(theirs.unwrap(), ours.unwrap(), "{name}");
    }
    let served = Served::start(&site.path("pages"));
    let (code, text) = site.fetch(&served.url, "fetched");
    assert_eq!(code, Some(0), "{text}");
    assert!(value(&text, "fetched").ends_with(", 12 were there"), "{text}");
}

#[test]
fn what_is_no_kernel_is_not_cut() {
    let site = Site::new();
    let out = site.path("out");
    for bad in [&b""[..], b"\0asm\x01\0\0\0", b"not wasm"] {
        fs::write(site.path("bad.wasm"), bad).unwrap();
        let (code, text) = run(&["preimages", "make", &site.path("bad.wasm"), "--out", &out]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("bad.wasm"), "{text}");
    }
    assert!(!Path::new(&out).exists());
}

#[test]
fn wrong_command_lines_are_told_by_their_exit_code() {
    let site = Site::new();
    let dir = site.path("pages");
    for wrong in [
        &["preimages", "check", "--root-hash", "00ff"][..],
        &["preimages", "fetch", "--root-hash", &site.root, "--to", &dir],
        &["preimages", "serve", "--listen", "8940"],
        &["kernel", "verify"],
        &["kernel", "verify", "nowhere.wasm"],
        &["kernel", "verify", &site.root, "--source", &dir],
    ] {
        let (code, text) = run(wrong);
        assert_eq!(code, Some(2), "{wrong:?}: {text}");
        assert!(!text.is_empty(), "{wrong:?}");
    }
    let from = ["preimages", "fetch", "--root-hash", &site.root, "--to", &dir, "--from", "https://a.example"];
    let (code, text) = run(&from);
    assert!(code == Some(1) && text.contains("https://a.example"), "{text}");
}
