// The compiler is the solc of npm: nothing is downloaded. SANDBOX_URL and SANDBOX_MNEMONIC say where and who,
// SANDBOX_BUILD where artifacts go.
const { join } = require('node:path')
const { subtask } = require('hardhat/config')
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names')
const { version } = require('solc/package.json')

const build = process.env.SANDBOX_BUILD ?? join(__dirname, 'build')

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: require.resolve('solc/soljson.js'),
  isSolcJs: true,
  version,
  longVersion: version,
}))

module.exports = {
  solidity: { version, settings: { evmVersion: 'cancun', optimizer: { enabled: true } } },
  paths: { artifacts: join(build, 'artifacts'), cache: join(build, 'cache') },
  networks: {
    sandbox: {
      url: process.env.SANDBOX_URL ?? 'http://127.0.0.1:8545',
      accounts: { mnemonic: process.env.SANDBOX_MNEMONIC ?? 'test test test test test test test test test test test junk' },
    },
  },
}
