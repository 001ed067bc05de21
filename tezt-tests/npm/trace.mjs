// Looks into executions with viem and ethers: traces, access lists, simulated blocks, authorizations. Prints what it saw
// as one line of JSON.
//
// usage: node trace.mjs <rpc url>
import assert from 'node:assert/strict'
import { createPublicClient, createWalletClient, http, numberToHex, pad, parseEther } from 'viem'
import { ethers } from 'ethers'
import { compile } from './compile.mjs'
import { accounts, sandboxChain } from './chain.mjs'

const TIMEOUT_MS = 60_000

const url = process.argv[2]
const provider = new ethers.JsonRpcProvider(url, undefined, { staticNetwork: true })
const chain = sandboxChain(url, Number(await provider.send('eth_chainId', [])))
const [owner, neighbour] = accounts()
const client = createPublicClient({ chain, transport: http(), pollingInterval: 50 })
const wallet = createWalletClient({ chain, transport: http(), account: owner })

const receiptOf = (hash) => client.waitForTransactionReceipt({ hash, timeout: TIMEOUT_MS })
const trace = (hash, options) => client.request({ method: 'debug_traceTransaction', params: [hash, options] })

/// Deploys runtime code as it is: PUSH2 size, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN, then the code.
async function place(runtime) {
  const size = (runtime.length / 2).toString(16).padStart(4, '0')
  const receipt = await receiptOf(await wallet.sendTransaction({ data: `0x61${size}80600b5f395ff300${runtime}` }))
  assert.equal(receipt.status, 'success')
  return receipt.contractAddress
}

async function traces() {
  const { abi, bytecode } = compile('Token')
  const deployed = await receiptOf(await wallet.deployContract({ abi, bytecode, args: [parseEther('1000')] }))
  const creation = await trace(deployed.transactionHash, { tracer: 'callTracer' })
  assert.equal(creation.type, 'CREATE')
  assert.equal(creation.to, deployed.contractAddress)
  assert.equal(creation.output, await client.getCode({ address: deployed.contractAddress }))

  const token = deployed.contractAddress
  const call = { address: token, abi, functionName: 'transfer' }
  const sent = await receiptOf(await wallet.writeContract({ ...call, args: [neighbour.address, 5n], gas: 200_000n }))
  const calls = await provider.send('debug_traceTransaction', [
    sent.transactionHash, { tracer: 'callTracer', tracerConfig: { withLog: true } },
  ])
  assert.equal(calls.from, owner.address.toLowerCase())
  assert.equal(BigInt(calls.gas), 200_000n)
  assert.equal(BigInt(calls.gasUsed), sent.gasUsed)
  assert.deepEqual(calls.logs.map((log) => log.topics), sent.logs.map((log) => log.topics))

  const steps = await trace(sent.transactionHash)
  assert.equal(steps.failed, false)
  assert.equal(BigInt(steps.gas), sent.gasUsed)
  assert.equal(steps.structLogs.filter((step) => step.op === 'SSTORE').length, 2)
  const spent = steps.structLogs.reduce((sum, step) => sum + step.gasCost, 0)
  assert.equal(spent, steps.structLogs[0].gas - (steps.structLogs.at(-1).gas - steps.structLogs.at(-1).gasCost))

  const options = { tracer: 'prestateTracer', tracerConfig: { diffMode: true } }
  const { pre, post } = await trace(sent.transactionHash, options)
  const slots = Object.entries(post[token].storage)
  assert.equal(slots.length, 2)
  for (const [slot, value] of slots) assert.equal(value, await client.getStorageAt({ address: token, slot }))
  assert.equal(BigInt(post[owner.address.toLowerCase()].nonce), BigInt(pre[owner.address.toLowerCase()].nonce) + 1n)

  const tooMuch = [owner.address, parseEther('5000')]
  const poor = createWalletClient({ chain, transport: http(), account: neighbour })
  const failed = await receiptOf(await poor.writeContract({ ...call, args: tooMuch, gas: 200_000n }))
  assert.equal(failed.status, 'reverted')
  assert.equal((await trace(failed.transactionHash, { tracer: 'callTracer' })).error, 'execution reverted')

  const block = await client.request({
    method: 'debug_traceBlockByHash', params: [sent.blockHash, { tracer: 'callTracer' }],
  })
  assert.deepEqual(block.map(({ txHash }) => txHash), (await client.getBlock({ blockHash: sent.blockHash })).transactions)
  return steps.structLogs.length
}

/// A contract that reads three slots of another costs less when it says so before.
async function accessLists() {
  const store = await place('6001545f5260025460205260035460405260605ff3')
  const reader = await place(`5f5f5f5f73${store.slice(2)}5afa00`)
  const call = { account: owner, to: reader, gas: 200_000n }
  const { accessList, gasUsed } = await client.createAccessList({ account: owner.address, to: reader })
  assert.deepEqual(accessList, [{ address: store, storageKeys: [1, 2, 3].map((slot) => pad(numberToHex(slot))) }])
  const without = await receiptOf(await wallet.sendTransaction(call))
  const using = await receiptOf(await wallet.sendTransaction({ ...call, accessList }))
  assert.equal(using.gasUsed, gasUsed)
  const overridden = await client.request({
    method: 'debug_traceCall',
    params: [
      { to: reader }, 'latest',
      { tracer: 'prestateTracer', stateOverrides: { [store]: { stateDiff: { [pad('0x1')]: pad('0x2a') } } } },
    ],
  })
  assert.equal(overridden[store.toLowerCase()].storage[pad('0x1')], pad('0x2a'))
  return Number(without.gasUsed - using.gasUsed)
}

async function simulations() {
  const value = parseEther('3')
  const nobody = '0x00000000000000000000000000000000000a11ce'
  const results = await client.simulateBlocks({
    blocks: [
      { stateOverrides: [{ address: nobody, balance: value }], calls: [{ account: nobody, to: neighbour.address, value }] },
      { calls: [{ account: neighbour.address, to: nobody, value: 1n }] },
    ],
    traceTransfers: true,
  })
  assert.deepEqual(results.map(({ calls }) => calls.map((call) => [call.status, call.logs.length])), [
    [['success', 1]], [['success', 1]],
  ])
  assert.equal(results[1].number, results[0].number + 1n)
  assert.equal(results[1].parentHash, results[0].hash)
  const poor = client.simulateBlocks({ blocks: [{ calls: [{ account: nobody, to: owner.address, value }] }] })
  await assert.rejects(poor, /insufficient funds/)
  return results.length
}

/// An account runs the code of a contract that it let be its own (EIP-7702).
async function authorizations() {
  const answer = await place('602a5f5260205ff3')
  const account = accounts()[2]
  const authorization = await wallet.signAuthorization({ account, contractAddress: answer })
  const called = await client.call({ to: account.address, authorizationList: [authorization] })
  assert.equal(BigInt(called.data), 42n)
  assert.equal((await client.call({ to: account.address })).data, undefined)
  const hash = await wallet.sendTransaction({ to: account.address, authorizationList: [authorization] })
  assert.equal((await receiptOf(hash)).status, 'success')
  assert.equal(BigInt((await client.call({ to: account.address })).data), 42n)
  const prestate = await trace(hash, { tracer: 'prestateTracer', tracerConfig: { diffMode: true } })
  assert.equal(prestate.post[account.address.toLowerCase()].code, `0xef0100${answer.slice(2).toLowerCase()}`)
}

const steps = await traces()
const saved = await accessLists()
const blocks = await simulations()
await authorizations()
console.log(JSON.stringify({ steps, saved, blocks }))
process.exit(0)
