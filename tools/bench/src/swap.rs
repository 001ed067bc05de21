//! Swaps of tokens on Uniswap v2, as its authors compiled it. Its licence is not ours (GPL), so nothing of it is kept
//! here: `make bench` installs the packages (`npm/`), and without them the row is left out, which is said.

use crate::{
    accounts::{Account, Ask},
    kernel::{TOKEN, da_gas, token_transfer_data, word},
    rollup::Bench,
};
use anyhow::Context as _;
use millrace_primitives::{Address, U256};
use std::{fs, path::Path};

/// `approve(address,uint256)`.
const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
/// `addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)`.
const ADD_LIQUIDITY: [u8; 4] = [0xe8, 0xe3, 0x37, 0x00];
/// `swapExactTokensForTokens(uint256,uint256,address[],address,uint256)`.
const SWAP: [u8; 4] = [0x38, 0xed, 0x17, 0x39];
const EXECUTION_GAS_SWAP: u64 = 150_000;
const EXECUTION_GAS_SETUP: u64 = 5_000_000;
/// What each account can swap away.
const TOKENS_EACH: u64 = 1_000_000_000_000;

/// Two tokens, and the router between them.
#[derive(Clone, Copy)]
pub(crate) struct Exchange {
    router: Address,
    tokens: [Address; 2],
}

/// Who sets up, and how many transactions each has sent.
pub(crate) struct Setup<'a> {
    pub(crate) bench: &'a mut Bench,
    pub(crate) accounts: &'a [Account],
    pub(crate) nonces: &'a mut [u64],
}

/// The code that makes a contract of a package; nothing when the packages are not there.
fn artifact(package: &str, contract: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let build =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/node_modules/@uniswap").join(package).join("build");
    let Ok(text) = fs::read_to_string(build.join(contract).with_extension("json")) else { return Ok(None) };
    let json: serde_json::Value = serde_json::from_str(&text)?;
    let code = json["bytecode"].as_str().context("an artifact without bytecode")?;
    Ok(Some(hex::decode(code)?))
}

fn address(of: Address) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(of.as_bytes());
    word
}

fn number(value: u64) -> [u8; 32] {
    word(U256::from(value))
}

impl Setup<'_> {
    fn send(&mut self, sender: usize, to: Option<Address>, data: Vec<u8>) -> anyhow::Result<Option<Address>> {
        let gas_limit = da_gas(self.bench, data.len())? + EXECUTION_GAS_SETUP;
        let ask = Ask { nonce: self.nonces[sender], to, value: 0, data, gas_limit };
        let chain_id = self.bench.engine.chain_id();
        let measured = self.bench.block(vec![self.accounts[sender].sign(chain_id, ask)?])?;
        self.nonces[sender] += 1;
        Ok(measured.applied.block.receipts[0].created)
    }

    fn deploy(&mut self, code: Vec<u8>, arguments: &[[u8; 32]]) -> anyhow::Result<Address> {
        let created = self.send(0, None, [code, arguments.concat()].concat())?;
        created.context("no contract was created")
    }

    /// Deploys everything, gives each account of both tokens, and puts a pool between them.
    pub(crate) fn exchange(&mut self) -> anyhow::Result<Option<Exchange>> {
        let core = artifact("v2-core", "UniswapV2Factory")?;
        let (wrapped, router) =
            (artifact("v2-periphery", "WETH9")?, artifact("v2-periphery", "UniswapV2Router02")?);
        let (Some(core), Some(wrapped), Some(router)) = (core, wrapped, router) else { return Ok(None) };
        let token = hex::decode(TOKEN.trim())?;
        let mut tokens = [Address::zero(); 2];
        for place in &mut tokens {
            *place = self.deploy(token.clone(), &[word(U256::exp10(24))])?;
        }
        let owner = self.accounts[0].address;
        let factory = self.deploy(core, &[address(owner)])?;
        let wrapped = self.deploy(wrapped, &[])?;
        let router = self.deploy(router, &[address(factory), address(wrapped)])?;
        let approval = [&APPROVE[..], &address(router), &word(U256::MAX)].concat();
        for account in 0..self.accounts.len() {
            for token in tokens {
                let receiver = self.accounts[account].address;
                self.send(0, Some(token), token_transfer_data(receiver, TOKENS_EACH))?;
                self.send(account, Some(token), approval.clone())?;
            }
        }
        let amount = word(U256::exp10(21));
        let pool = [address(tokens[0]), address(tokens[1]), amount, amount, number(0), number(0)].concat();
        let pool = [&ADD_LIQUIDITY[..], &pool, &address(owner), &word(U256::MAX)].concat();
        self.send(0, Some(router), pool)?;
        Ok(Some(Exchange { router, tokens }))
    }
}

impl Exchange {
    /// A swap of a thousand units of the first token for the second.
    pub(crate) fn swap(&self, bench: &Bench, nonce: u64, receiver: Address) -> anyhow::Result<Ask> {
        let [from, to] = self.tokens;
        let head = [number(1_000), number(0), number(0xa0), address(receiver), word(U256::MAX)].concat();
        let path = [number(2), address(from), address(to)].concat();
        let data = [&SWAP[..], &head, &path].concat();
        let gas_limit = da_gas(bench, data.len())? + EXECUTION_GAS_SWAP;
        Ok(Ask { nonce, to: Some(self.router), value: 0, data, gas_limit })
    }
}
