extern crate rlp as rlp_codec;
use std::collections::{BTreeMap, BTreeSet};
use millrace_evm::*; 
use millrace_primitives::*;
use serde_json::Value;
#[derive(Clone, Default)]
struct Memory { accounts: BTreeMap<Address, Account>, storage: BTreeMap<Address, BTreeMap<H256, H256>>, codes: BTreeMap<H256, Vec<u8>> }
impl StateReader for Memory {
    type Error = ();
    fn account(&self, a: Address) -> Result<Option<Account>, ()> { Ok(self.accounts.get(&a).copied()) }
    fn storage(&self, a: Address, s: H256) -> Result<H256, ()> { Ok(self.storage.get(&a).and_then(|m| m.get(&s)).copied().unwrap_or_default()) }
    fn code(&self, h: H256) -> Result<Vec<u8>, ()> { Ok(self.codes[&h].clone()) }
    fn block_hash(&self, n: BlockNumber) -> Result<Option<H256>, ()> { Ok(Some(keccak(n.get().to_string().as_bytes()))) }
    fn has_storage(&self, a: Address) -> Result<bool, ()> { Ok(self.storage.get(&a).is_some_and(|m| !m.is_empty())) }
}
fn hexs(v: &Value) -> Vec<u8> { let s = v.as_str().unwrap().trim_start_matches("0x"); let s = if s.len() % 2 == 1 { format!("0{s}") } else { s.into() }; hex::decode(s).unwrap() }
fn u(v: &Value) -> U256 { U256::from_big_endian(&hexs(v)) }
fn u64v(v: &Value) -> u64 { let x = u(v); if x > U256::from(u64::MAX) { u64::MAX } else { x.as_u64() } }
fn h(v: U256) -> H256 { let mut b = [0; 32]; v.to_big_endian(&mut b); H256(b) }
fn state_root(m: &Memory) -> H256 {
    let accounts: Vec<_> = m.accounts.iter().map(|(a, acc)| {
        let storage: Vec<_> = m.storage.get(a).into_iter().flatten().filter(|(_, v)| !v.is_zero()).map(|(k, v)| (alloy_primitives::B256::from(k.0), alloy_primitives::U256::from_be_bytes(v.0))).collect();
        let t = alloy_trie::TrieAccount { nonce: acc.nonce, balance: alloy_primitives::U256::from_limbs(acc.balance.0), storage_root: alloy_trie::root::storage_root_unhashed(storage), code_hash: acc.code_hash.0.into(), ..Default::default() };
        (alloy_primitives::keccak256(a.0), t)
    }).collect();
    H256(alloy_trie::root::state_root_unsorted(accounts).0)
}
fn logs_hash(logs: &[Log]) -> H256 {
    let mut s = rlp_codec::RlpStream::new_list(logs.len());
    for l in logs { s.begin_list(3); s.append(&l.address.as_bytes()); s.begin_list(l.topics.len()); for t in &l.topics { s.append(&t.as_bytes()); } s.append(&l.data); }
    keccak(&s.out())
}
#[test]
fn spot() {
    let mut files = vec![];
    let mut stack: Vec<std::path::PathBuf> = std::env::var("VECTORS").unwrap().split(',').map(Into::into).collect();
    while let Some(p) = stack.pop() { if p.is_dir() { stack.extend(std::fs::read_dir(p).unwrap().map(|e| e.unwrap().path())); } else if p.extension().is_some_and(|e| e == "json") { files.push(p); } }
    files.sort();
    let verbose = std::env::var("V").is_ok();
    let (mut pass, mut skip) = (0, 0); let mut fails: BTreeMap<String, Vec<String>> = BTreeMap::new(); let mut reasons: BTreeMap<(String, String), u32> = BTreeMap::new(); let mut skips: BTreeMap<String, u32> = BTreeMap::new();
    for f in files {
        let v: Value = match serde_json::from_slice(&std::fs::read(&f).unwrap()) { Ok(v) => v, Err(_) => continue };
        let Some(o) = v.as_object() else { continue };
        for (name, t) in o {
            if t.get("post").is_none() || t.get("transaction").is_none() { continue }
            for (fork_name, cases) in t["post"].as_object().unwrap() {
                let fork = match fork_name.as_str() { "Shanghai" => Fork::Shanghai, "Cancun" => Fork::Cancun, _ => continue };
                for c in cases.as_array().unwrap() {
                    let ix = (c["indexes"]["data"].as_u64().unwrap() as usize, c["indexes"]["gas"].as_u64().unwrap() as usize, c["indexes"]["value"].as_u64().unwrap() as usize);
                    let id = format!("{}::{name} {fork_name} {ix:?}", f.display());
                    let id2 = id.clone();
                    let r = std::panic::catch_unwind(|| one(t, fork, c));
                    match r {
                        Ok(Ok(reason)) => { pass += 1; if let Some(r) = reason { *reasons.entry(r).or_default() += 1; } }
                        Ok(Err(e)) if e.starts_with("skip") => { skip += 1; *skips.entry(e).or_default() += 1; }
                        Ok(Err(e)) => { fails.entry(f.parent().unwrap().file_name().unwrap().to_string_lossy().into()).or_default().push(format!("{id}: {e}")); }
                        Err(_) => { fails.entry("PANIC".into()).or_default().push(id2); }
                    }
                }
            }
        }
    }
    for (k, v) in &fails { println!("{k}: {}", v.len()); for x in v.iter().take(if verbose { 1000 } else { 3 }) { println!("    {x}"); } }
    for ((a, b), n) in &reasons { println!("reason {a} -> {b}: {n}"); }
    println!("{skips:?}");
    println!("{pass} passed, {} failed, {skip} skipped", fails.values().map(Vec::len).sum::<usize>());
}
fn one(t: &Value, fork: Fork, c: &Value) -> Result<Option<(String, String)>, String> {
    let mut m = Memory::default();
    for (a, x) in t["pre"].as_object().unwrap() {
        let a = H160::from_slice(&hexs(&Value::String(a.clone())));
        let code = hexs(&x["code"]); let ch = keccak(&code);
        if !code.is_empty() { m.codes.insert(ch, code); }
        m.accounts.insert(a, Account { nonce: u64v(&x["nonce"]), balance: u(&x["balance"]), code_hash: ch });
        let st: BTreeMap<_, _> = x["storage"].as_object().unwrap().iter().map(|(k, v)| (h(U256::from_big_endian(&hexs(&Value::String(k.clone())))), h(u(v)))).filter(|(_, v)| !v.is_zero()).collect();
        if !st.is_empty() { m.storage.insert(a, st); }
    }
    let e = &t["env"];
    let base_fee = e.get("currentBaseFee").map(u).unwrap_or(U256::from(10));
    let chain_id = t.get("config").and_then(|c| c.get("chainid")).map(u).unwrap_or(U256::one());
    let block = BlockEnvironment { number: BlockNumber::new(u64v(&e["currentNumber"])), timestamp: Timestamp::new(u64v(&e["currentTimestamp"])), beneficiary: H160::from_slice(&hexs(&e["currentCoinbase"])), gas_limit: Gas::new(u64v(&e["currentGasLimit"])), base_fee, chain_id, prev_randao: e.get("currentRandom").map(|v| h(u(v))).unwrap_or_default() };
    let fees = Fees { da_fee_per_byte: U256::zero(), da_overhead_bytes: 0, execution_gas_limit_max: Gas::MAX };
    let expected = h(u(&c["hash"]));
    let raw = hexs(&c["txbytes"]);
    let exc = c.get("expectException").and_then(|v| v.as_str()).map(String::from);
    let mut why = None;
    let mut state = State::new(m.clone());
    let mut logs = vec![];
    let mut after = m.clone();
    match SignedTransaction::decode(&raw, chain_id) {
        Err(DecodeError::BlobTransaction) => return Err("skip blob".into()),
        Err(DecodeError::SetCodeTransaction) => return Err("skip set code".into()),
        Err(x) => why = Some(format!("{x:?}")),
        Ok(s) => {
            let r = s.recover().map_err(|_| "unrecoverable")?;
            let tx = r.transaction().clone();
            let tip = tx.max_priority_fee_per_gas.min(tx.max_fee_per_gas.saturating_sub(base_fee));
            match transact(&mut state, &block, &fees, fork, &r) {
                Err(TransactionError::Invalid(x)) => { let s = format!("{x:?}"); why = Some(s.split([' ', '{']).next().unwrap().into()); }
                Err(TransactionError::Reader(())) => return Err("reader".into()),
                Ok(o) => {
                    logs = o.logs.clone();
                    if !tip.is_zero() {
                        // patch fees afterwards
                        let fee = U256::from(o.gas_used.get()) * tip;
                        let ch = state.changes();
                        let mut mm = m.clone(); apply(&mut mm, &ch);
                        let s = mm.accounts.get_mut(&o.sender).unwrap(); s.balance -= fee;
                        mm.accounts.entry(block.beneficiary).or_default().balance += fee;
                        after = mm;
                        if state_root(&after) != expected { return Err("skip tip".into()); }
                        return Ok(None);
                    }
                }
            }
        }
    }
    apply(&mut after, &state.changes());
    if exc.is_some() != why.is_some() { return Err(format!("expected {exc:?}, got {why:?}")); }
    if logs_hash(&logs) != h(u(&c["logs"])) { return Err("logs".into()); }
    if state_root(&after) != expected {
        let mut d = String::new();
        if let Some(st) = c.get("state").and_then(|s| s.as_object()) {
            let mut seen = BTreeSet::new();
            for (a, x) in st { let a = H160::from_slice(&hexs(&Value::String(a.clone()))); seen.insert(a); let acc = after.accounts.get(&a).copied().unwrap_or_default();
                if acc.balance != u(&x["balance"]) { d += &format!(" {a:?} balance {} != {}", acc.balance, u(&x["balance"])); }
                if acc.nonce != u64v(&x["nonce"]) { d += &format!(" {a:?} nonce {} != {}", acc.nonce, u64v(&x["nonce"])); } }
            for a in after.accounts.keys() { if !seen.contains(a) { d += &format!(" extra {a:?}"); } }
        }
        return Err(format!("root {d}"));
    }
    Ok(exc.map(|e| (e, why.unwrap_or_default())))
}
fn apply(m: &mut Memory, ch: &Changes) {
    for (a, c) in &ch.accounts {
        match c.account { Some(x) => { m.accounts.insert(*a, x); } None => { m.accounts.remove(a); m.storage.remove(a); } }
        if c.storage_cleared { m.storage.remove(a); }
        for (k, v) in &c.slots { let s = m.storage.entry(*a).or_default(); if v.is_zero() { s.remove(k); } else { s.insert(*k, *v); } }
    }
    m.codes.extend(ch.codes.clone());
}
