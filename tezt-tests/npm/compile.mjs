// Compiles contracts/*.sol with solc, OpenZeppelin's sources taken from node_modules.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const solc = require('solc')

function findImport(path) {
  try {
    return { contents: readFileSync(require.resolve(path), 'utf8') }
  } catch (error) {
    return { error: String(error) }
  }
}

/// The ABI and the creation bytecode (0x…) of `contract` in contracts/<contract>.sol.
export function compile(contract) {
  const file = `${contract}.sol`
  const source = readFileSync(new URL(`contracts/${file}`, import.meta.url), 'utf8')
  const input = {
    language: 'Solidity',
    sources: { [file]: { content: source } },
    settings: {
      evmVersion: 'paris',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'storageLayout'] } },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }))
  const errors = (output.errors ?? []).filter((error) => error.severity === 'error')
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join('\n'))
  const { abi, evm, storageLayout } = output.contracts[file][contract]
  return { abi, bytecode: `0x${evm.bytecode.object}`, storageLayout }
}
