//! Contracts: creation, calls into calls, reverts, logs, destruction, transient storage.

use crate::support::{Chain, Memory, address, code, deployer, push, user, word};
use millrace_evm::{Fork, Halt, created_address, keccak};
use millrace_primitives::{Address, H160, H256, U256};

/// `CALL` with all gas, no value, no data, nothing returned: leaves success on the stack.
fn call_to(target: Address) -> Vec<u8> {
    [code("5f 5f 5f 5f 5f 73"), target.0.to_vec(), code("5a f1")].concat()
}

/// `SSTORE` of what is on the stack.
fn store_at(slot: u64) -> Vec<u8> {
    [push(slot), code("55")].concat()
}

fn installed(contracts: &[(u64, Vec<u8>)]) -> Chain {
    let mut memory = Memory::default();
    for (at, code) in contracts {
        memory.install(address(*at), code);
    }
    Chain::new(memory)
}

/// A token of the ERC-20 kind, by hand: slot = owner, `Transfer` on every move, a reason when too little.
/// Selector 0xa9059cbb takes receiver and amount; the creator has everything.
fn token() -> Vec<u8> {
    let topic = keccak(b"Transfer(address,address,uint256)").0.to_vec();
    let head = code(
        // selector == a9059cbb, else revert with nothing
        "5f 35 60e0 1c 63 a9059cbb 14 6011 57 5f 5f fd 5b",
    );
    assert_eq!(head.len(), 0x12);
    let check = code(
        // amount sload(caller) LT -> too little
        "6024 35 33 54 80 82 11 61 ffff 57",
    );
    let moves = [
        // caller's -= amount; stack: have amount
        code("81 90 03 33 55"),
        // receiver's += amount
        code("80 6004 35 54 01 6004 35 55"),
        // log3(amount; Transfer, caller, receiver)
        code("80 5f 52 6004 35 33 7f"),
        topic,
        code("6020 5f a3"),
        // return true
        code("6001 5f 52 6020 5f f3"),
    ]
    .concat();
    let mut out = [head, check, moves].concat();
    let too_little = out.len() as u16;
    let place = out.windows(3).position(|window| window == [0x61, 0xff, 0xff]).unwrap();
    out[place + 1..place + 3].copy_from_slice(&too_little.to_be_bytes());
    // Error(string): "too little"
    out.extend(code("5b 62461bcd 60e5 1b 5f 52 6020 6004 52 600a 6024 52 69"));
    out.extend(b"too little");
    out.extend(code("60b0 1b 6044 52 6064 5f fd"));
    out
}

fn deploy_token(chain: &mut Chain) -> Address {
    // Gives the creator 1,000 and deploys.
    let runtime = token();
    let prologue = code("61 03e8 33 55");
    let size = (runtime.len() as u16).to_be_bytes();
    let offset = (prologue.len() + 10) as u8;
    let initcode =
        [prologue, vec![0x61, size[0], size[1], 0x80, 0x60, offset, 0x5f, 0x39, 0x5f, 0xf3], runtime.clone()]
            .concat();
    let outcome = chain.create(&initcode);
    let created = outcome.created.unwrap();
    assert_eq!(created, created_address(chain.alice.address, 0));
    assert_eq!(chain.state.code(created).unwrap().bytes(), runtime);
    created
}

fn transfer_call(to: Address, amount: u64) -> Vec<u8> {
    [code("a9059cbb"), H256::from(to).0.to_vec(), word(amount).0.to_vec()].concat()
}

fn token_balance(chain: &Chain, token: Address, owner: Address) -> U256 {
    let value = chain.state.storage(token, H256::from(owner)).unwrap();
    U256::from_big_endian(value.as_bytes())
}

#[test]
fn a_token_is_deployed_and_moves() {
    let mut chain = Chain::new(Memory::default());
    let token = deploy_token(&mut chain);
    let (alice, bob) = (chain.alice.address, user(2).address);
    let outcome = chain.call(token, &transfer_call(bob, 400));
    assert!(outcome.succeeded, "{outcome:?}");
    assert_eq!(outcome.output, word(1).0);
    assert_eq!(token_balance(&chain, token, alice), U256::from(600));
    assert_eq!(token_balance(&chain, token, bob), U256::from(400));
    let [log] = outcome.logs.as_slice() else { panic!("one log: {:?}", outcome.logs) };
    let topics = [keccak(b"Transfer(address,address,uint256)"), H256::from(alice), H256::from(bob)];
    assert_eq!((log.address, log.topics.as_slice()), (token, topics.as_slice()));
    assert_eq!(log.data, word(400).0);
}

#[test]
fn a_revert_gives_its_reason_and_changes_nothing_but_fee_and_nonce() {
    let mut chain = Chain::new(Memory::default());
    let token = deploy_token(&mut chain);
    let before = chain.state.changes();
    let outcome = chain.call(token, &transfer_call(user(2).address, 1_001));
    assert_eq!((outcome.succeeded, outcome.halt), (false, Some(Halt::Reverted)));
    assert!(outcome.logs.is_empty());
    assert_eq!(outcome.output[..4], [0x08, 0xc3, 0x79, 0xa0]);
    assert_eq!(&outcome.output[68..78], b"too little");
    assert!(outcome.gas_used.get() < 50_000, "the rest of the gas is given back");
    let mut after = chain.state.changes();
    let alice = chain.alice.address;
    let fee = U256::from(outcome.gas_used.get()) * chain.block.base_fee;
    let account = after.accounts.get_mut(&alice).unwrap().account.as_mut().unwrap();
    account.balance += fee;
    account.nonce -= 1;
    assert_eq!(after, before);
}

#[test]
fn an_inner_revert_undoes_the_inner_frame_only() {
    // C writes and logs, then reverts; B calls C, writes, returns; A calls B, writes, then its caller is fine.
    let c = [code("6001 5f 55 6001 5f 5d 5f 5f a0"), code("5f 5f fd")].concat();
    let b = [call_to(address(0xcc)), store_at(1), code("6002 5f 55 5f 5f a0 00")].concat();
    let a = [call_to(address(0xbb)), store_at(1), code("6003 5f 55 00")].concat();
    let mut chain = installed(&[(0xaa, a), (0xbb, b), (0xcc, c)]);
    let outcome = chain.call(address(0xaa), &[]);
    assert!(outcome.succeeded);
    assert_eq!(outcome.logs.len(), 1);
    assert_eq!(outcome.logs[0].address, address(0xbb));
    assert_eq!(chain.slot(address(0xaa), 0), U256::from(3));
    assert_eq!(chain.slot(address(0xaa), 1), U256::one(), "B succeeded");
    assert_eq!(chain.slot(address(0xbb), 0), U256::from(2));
    assert_eq!(chain.slot(address(0xbb), 1), U256::zero(), "C failed");
    assert_eq!(chain.slot(address(0xcc), 0), U256::zero());
    assert!(!chain.state.changes().accounts.contains_key(&address(0xcc)));
}

#[test]
fn an_outer_failure_undoes_inner_successes() {
    let b = code("6002 5f 55 6001 5f 5d 5f 5f a0 00");
    let a = [call_to(address(0xbb)), code("fe")].concat();
    let mut chain = installed(&[(0xaa, a), (0xbb, b)]);
    let outcome = chain.call(address(0xaa), &[]);
    assert_eq!(outcome.halt, Some(Halt::InvalidOpcode(0xfe)));
    assert_eq!(outcome.gas_used.get(), 10_000_000);
    assert_eq!(chain.slot(address(0xbb), 0), U256::zero());
    assert!(!chain.state.changes().accounts.contains_key(&address(0xbb)));
}

#[test]
fn value_moves_with_calls_and_back_with_reverts() {
    let keeps = code("00");
    let returns = code("5f 5f fd");
    let pay = |target: u64| [code("5f 5f 5f 5f 6007 73"), address(target).0.to_vec(), code("5a f1")].concat();
    let payer = [pay(0xbb), pay(0xcc), code("00")].concat();
    let mut memory = Memory::default();
    memory.install(address(0xaa), &payer);
    memory.install(address(0xbb), &keeps);
    memory.install(address(0xcc), &returns);
    memory.fund(address(0xaa), U256::from(20));
    let mut chain = Chain::new(memory);
    assert!(chain.call(address(0xaa), &[]).succeeded);
    assert_eq!(chain.balance(address(0xaa)), U256::from(13));
    assert_eq!(chain.balance(address(0xbb)), U256::from(7));
    assert_eq!(chain.balance(address(0xcc)), U256::zero());
}

#[test]
fn create_and_create2_find_their_addresses() {
    // MSTORE the initialisation code (PUSH0 PUSH0 RETURN: no code), CREATE, store; CREATE2 with salt 5, store.
    let inner = code("5f 5f f3");
    let factory = [
        code("62 5f5ff3 60e8 1b 5f 52"),
        code("6003 5f 5f f0"),
        store_at(0),
        code("6005 6003 5f 5f f5"),
        store_at(1),
        code("6005 6003 5f 5f f5"),
        store_at(2),
        code("00"),
    ]
    .concat();
    let mut chain = installed(&[(0xfac, factory)]);
    assert!(chain.call(address(0xfac), &[]).succeeded);
    let created = created_address(address(0xfac), 1);
    let preimage = [&[0xff], &address(0xfac).0[..], &word(5).0, &keccak(&inner).0].concat();
    let created2 = H160::from(keccak(&preimage));
    let stored = |slot| H160::from(chain.state.storage(address(0xfac), word(slot)).unwrap());
    assert_eq!((stored(0), stored(1)), (created, created2));
    assert_eq!(stored(2), H160::zero(), "the place is taken");
    // Nonces: the factory's went up thrice, those of the new ones are one (EIP-161).
    assert_eq!(chain.state.account(address(0xfac)).unwrap().unwrap().nonce, 4);
    assert_eq!(chain.state.account(created2).unwrap().unwrap().nonce, 1);
}

#[test]
fn a_collision_fails_the_creation_and_takes_its_gas() {
    let alice = user(1).address;
    let mut memory = Memory::default();
    memory.install(created_address(alice, 0), &[0x00]);
    let mut chain = Chain::new(memory);
    let outcome = chain.create(&deployer(&[0x00]));
    assert_eq!((outcome.created, outcome.halt), (None, Some(Halt::CreateCollision)));
    assert_eq!(outcome.gas_used.get(), 10_000_000);
    assert_eq!(chain.nonce(), 1);
}

#[test]
fn code_that_may_not_be_deployed_is_not() {
    let mut chain = Chain::new(Memory::default());
    let outcome = chain.create(&deployer(&[0xef]));
    assert_eq!(outcome.halt, Some(Halt::InvalidOpcode(0xef)));
    // 24,577 bytes of zeros.
    let outcome = chain.create(&code("61 6001 5f f3"));
    assert_eq!(outcome.halt, Some(Halt::CodeTooLarge));
    let outcome = chain.create(&code("61 6000 5f f3"));
    assert_eq!(outcome.created, Some(created_address(chain.alice.address, 2)));
}

#[test]
fn destruction_pays_out_and_spares_the_contract_since_cancun() {
    let dying = [code("73"), address(0xbe).0.to_vec(), code("ff")].concat();
    let mut memory = Memory::default();
    memory.install(address(0xdd), &dying);
    memory.fund(address(0xdd), U256::from(50));
    memory.storage.insert((address(0xdd), word(1)), word(9));
    let mut chain = Chain::new(memory.clone());
    assert!(chain.call(address(0xdd), &[]).succeeded);
    assert_eq!(chain.balance(address(0xbe)), U256::from(50));
    assert_eq!(chain.slot(address(0xdd), 1), U256::from(9));
    assert!(chain.state.account(address(0xdd)).unwrap().is_some());

    let mut chain = Chain::new(memory);
    chain.block.fork = Fork::Shanghai;
    assert!(chain.call(address(0xdd), &[]).succeeded);
    assert_eq!(chain.balance(address(0xbe)), U256::from(50));
    assert_eq!(chain.state.account(address(0xdd)).unwrap(), None);
    assert_eq!(chain.slot(address(0xdd), 1), U256::zero());
    let changes = chain.state.changes();
    let change = &changes.accounts[&address(0xdd)];
    assert_eq!((change.account, change.storage_cleared), (None, true));
}

#[test]
fn a_contract_destroyed_where_it_was_created_is_gone() {
    // Initialisation code that destroys itself in favour of the beneficiary 0xbe, after writing storage.
    let initcode = [code("6001 5f 55 73"), address(0xbe).0.to_vec(), code("ff")].concat();
    let mut chain = Chain::new(Memory::default());
    let outcome = chain.create(&initcode);
    assert!(outcome.succeeded);
    let created = created_address(chain.alice.address, 0);
    assert_eq!(chain.state.account(created).unwrap(), None);
    assert!(!chain.state.changes().accounts.contains_key(&created), "it never was");
}

#[test]
fn transient_storage_lasts_one_transaction() {
    // TLOAD 0 to slot 0, then TSTORE 7 at 0 and TLOAD to slot 1.
    let runtime = [code("5f 5c"), store_at(0), code("6007 5f 5d 5f 5c"), store_at(1), code("00")].concat();
    let mut chain = installed(&[(0x77, runtime)]);
    for _ in 0..2 {
        assert!(chain.call(address(0x77), &[]).succeeded);
        assert_eq!(
            (chain.slot(address(0x77), 0), chain.slot(address(0x77), 1)),
            (U256::zero(), U256::from(7))
        );
    }
}

#[test]
fn static_calls_write_nothing() {
    let writer = code("6001 5f 55");
    let caller =
        [code("5f 5f 5f 5f 73"), address(0xbb).0.to_vec(), code("5a fa"), store_at(0), code("00")].concat();
    let mut chain = installed(&[(0xaa, caller), (0xbb, writer)]);
    assert!(chain.call(address(0xaa), &[]).succeeded);
    assert_eq!(chain.slot(address(0xaa), 0), U256::zero());
    assert_eq!(chain.slot(address(0xbb), 0), U256::zero());
}

#[test]
fn shanghai_has_no_transient_storage() {
    let mut chain = installed(&[(0x77, code("5f 5c 00"))]);
    chain.block.fork = Fork::Shanghai;
    assert_eq!(chain.call(address(0x77), &[]).halt, Some(Halt::InvalidOpcode(0x5c)));
}

#[test]
fn the_block_is_what_it_is() {
    // NUMBER TIMESTAMP COINBASE PREVRANDAO GASLIMIT CHAINID BASEFEE BLOBBASEFEE into slots 0 to 7.
    let opcodes = [0x43, 0x42, 0x41, 0x44, 0x45, 0x46, 0x48, 0x4a];
    let runtime: Vec<u8> = opcodes
        .iter()
        .enumerate()
        .flat_map(|(slot, opcode)| [vec![*opcode], store_at(slot as u64)].concat())
        .collect();
    let mut chain = installed(&[(0x77, runtime)]);
    chain.block.prev_randao = H256::repeat_byte(3);
    assert!(chain.call(address(0x77), &[]).succeeded);
    let seen: Vec<U256> = (0..8).map(|slot| chain.slot(address(0x77), slot)).collect();
    let block = &chain.block;
    let expected = [
        U256::from(block.number.get()),
        U256::from(block.timestamp.get()),
        U256::from_big_endian(H256::from(block.beneficiary).as_bytes()),
        U256::from_big_endian(block.prev_randao.as_bytes()),
        U256::from(block.gas_limit.get()),
        block.chain_id,
        block.base_fee,
        U256::one(),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn only_the_last_256_block_hashes_are_known() {
    // BLOCKHASH of the number in the call data.
    let mut memory = Memory::default();
    memory.install(address(0x77), &[code("5f 35 40"), store_at(0)].concat());
    for number in 0..1_001 {
        memory.block_hashes.insert(number, word(number + 5));
    }
    let mut chain = Chain::new(memory);
    for (number, expected) in [(999, 1_004), (744, 749), (743, 0), (1_000, 0), (u64::MAX, 0)] {
        assert!(chain.call(address(0x77), &word(number).0).succeeded);
        assert_eq!(chain.slot(address(0x77), 0), U256::from(expected), "{number}");
    }
}

#[test]
fn memory_has_the_size_of_what_was_copied_there() {
    // Each copies 0x49 bytes from 0x28 to 0x7d: CALLDATACOPY, CODECOPY, MCOPY, and EXTCODECOPY of nobody.
    for copy in ["37", "39", "5e", "60 00 3c"] {
        let runtime = [code("60 49 60 28 60 7d"), code(copy), code("59"), store_at(0)].concat();
        let mut chain = installed(&[(0x77, runtime)]);
        assert!(chain.call(address(0x77), &[]).succeeded);
        assert_eq!(chain.slot(address(0x77), 0), U256::from(0xe0), "{copy}");
    }
    // Nothing is copied to nowhere; what nobody can pay for ends the frame.
    let nothing = [code("5f 60 28 63 ff ff ff ff 39 59"), store_at(0)].concat();
    let endless = code("7f ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff 5f 60 01 39");
    let mut chain = installed(&[(0x77, nothing), (0x78, endless)]);
    assert!(chain.call(address(0x77), &[]).succeeded);
    assert_eq!(chain.slot(address(0x77), 0), U256::zero());
    assert!(!chain.call(address(0x78), &[]).succeeded);
}
