//! Programs of everyday, and such as only compute, hash or store.

use super::{Program, Session, mandelbrot};
use crate::{
    code::{POP, PUSH0, push, repeat, touch},
    kernel::{TOKEN, token_transfer_data, word},
};
use anyhow::Context as _;
use millrace_primitives::{Address, U256};

pub(super) fn all(session: &mut Session) -> anyhow::Result<Vec<Program>> {
    let mut initialisation = hex::decode(TOKEN.trim()).ok().context("the token is not hexadecimal")?;
    initialisation.extend_from_slice(&word(U256::exp10(24)));
    let token = session.create(&initialisation)?;
    // Whoever receives has some already.
    let receiver = Address::repeat_byte(0x99);
    let data = token_transfer_data(receiver, 1);
    let transfer =
        || Program { to: Some(token), gas: 200_000, ..Program::of("ERC-20 transfer", data.clone()) };
    session.send(transfer())?;
    // Counts on the stack, so that each slot is another one.
    let next = |opcodes: &[u8]| [&[0x60, 1, 0x01, 0x80][..], opcodes].concat();
    let hash = [&push(64)[..], &[PUSH0, 0x20, PUSH0, 0x52]].concat();
    Ok(vec![
        Program { to: Some(token), gas: 100_000, ..Program::of("ERC-20 transfer", data) },
        Program { gas: 30_000_000, ..Program::of("Mandelbrot set, 30 M gas", mandelbrot::code()) },
        Program {
            gas: 30_000_000,
            ..Program::of("keccak loop, 64 bytes, 30 M gas", repeat(&touch(63), &hash, 51))
        },
        Program {
            gas: 30_000_000,
            ..Program::of("cold SLOADs, 30 M gas", repeat(&[PUSH0], &next(&[0x54, POP]), 2_111))
        },
        Program {
            gas: 30_000_000,
            ..Program::of("new slots, 30 M gas", repeat(&[PUSH0], &next(&[0x80, 0x55]), 22_112))
        },
    ])
}
