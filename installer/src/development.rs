//! Parameters for chains that are worth nothing: a sandbox, a test. Their keys are public.

use crate::{Contract, Contracts, Funds, Parameters};

/// The sequencer: `bootstrap1`, the first account of every Tezos sandbox.
pub const SEQUENCER: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
/// Its secret key, known to everybody.
pub const SEQUENCER_SECRET: &str = "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh";

/// The mnemonic of [`ACCOUNTS`], which Anvil and Hardhat use, at the path `m/44'/60'/0'/0/<index>`.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// The first ten accounts of [`MNEMONIC`].
pub const ACCOUNTS: [&str; 10] = [
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
    "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
    "0x976EA74026E726554dB657fA54763abd0C3a0aa9",
    "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
    "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
    "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
];
/// The contract whose tickets the layer 1 of a sandbox sends.
pub const TICKETER: &str = "KT1JZHWdWCGZhc7DWHAptYzPQYF58tEFr6Lz";

/// What sends transactions past the sequencer there.
pub const DELAYED_BRIDGE: &str = "KT1JZHWdWCGZhc7D4HtD43eLjkTZB2oJRe4L";
/// Its admin.
pub const ADMIN: &str = "KT1JZHWdWCGZhc7CyRB5mV8bikj79b1573Jf";
/// Its kernel governance.
pub const KERNEL_GOVERNANCE: &str = "KT1JZHWdWCGZhc7DFeh7tZUTSmkNTv39ei7o";
/// Its security governance.
pub const SECURITY_GOVERNANCE: &str = "KT1JZHWdWCGZhc7DUdaugT2ZSKTappyU9P2z";
/// Its sequencer governance.
pub const SEQUENCER_GOVERNANCE: &str = "KT1JZHWdWCGZhc7DUdc5K7nXnqt4VTXfWRrf";

/// What each of [`ACCOUNTS`] has at the start.
pub const BALANCE: &str = "10000 ether";

/// What a sandbox charges for each byte of a transaction: nothing, so that tools that work out gas by themselves are right.
pub const DA_FEE_PER_BYTE: &str = "0";

/// The deterministic deployer of CREATE2, which Foundry expects on every chain.
pub const DEPLOYER: &str = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
/// Its code.
pub const DEPLOYER_CODE: &str = "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3";

/// The parameters of a sandbox, as in `sandbox.yaml`.
pub fn parameters() -> Parameters {
    let mut parameters = Parameters::new(SEQUENCER);
    parameters.ticketer = Some(TICKETER.to_owned());
    parameters.contracts = Contracts {
        delayed_bridge: Some(DELAYED_BRIDGE.to_owned()),
        admin: Some(ADMIN.to_owned()),
        kernel_governance: Some(KERNEL_GOVERNANCE.to_owned()),
        security_governance: Some(SECURITY_GOVERNANCE.to_owned()),
        sequencer_governance: Some(SEQUENCER_GOVERNANCE.to_owned()),
    };
    parameters.genesis.accounts =
        ACCOUNTS.iter().map(|account| ((*account).to_owned(), Funds::new(BALANCE))).collect();
    parameters.fees.da_fee_per_byte = DA_FEE_PER_BYTE.to_owned();
    let deployer = Contract::new(DEPLOYER_CODE);
    parameters.genesis.contracts = [(DEPLOYER.to_owned(), deployer)].into();
    parameters
}
