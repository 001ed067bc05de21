// Drives a sandbox with viem and ethers: deploys OpenZeppelin's ERC-20, makes 1,000 transfers from 10 senders,
// reads events by filter and by subscription, provokes reverts. Prints what it saw as one line of JSON.
//
// usage: node erc20.mjs <rpc url>
import assert from 'node:assert/strict'
import { createPublicClient, createWalletClient, getContract, http, parseEther, webSocket } from 'viem'
import { ethers } from 'ethers'
import { accounts, privateKeyOf, sandboxChain, waiter } from './chain.mjs'
import { compile } from './compile.mjs'

const TRANSFERS_PER_SENDER = 100
const TIMEOUT_MS = 120_000

const url = process.argv[2]
const { abi, bytecode } = compile('Token')
const chainId = Number(await new ethers.JsonRpcProvider(url, undefined, { staticNetwork: true }).send('eth_chainId', []))
const chain = sandboxChain(url, chainId)
const senders = accounts()
const client = createPublicClient({ chain, transport: http(), pollingInterval: 50 })
const provider = new ethers.JsonRpcProvider(url, chainId, { staticNetwork: true, pollingInterval: 50 })

async function deploy() {
  const wallet = createWalletClient({ chain, transport: http(), account: senders[0] })
  const hash = await wallet.deployContract({ abi, bytecode, args: [parseEther('1000000')] })
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: TIMEOUT_MS })
  assert.equal(receipt.status, 'success')
  assert.equal(await client.readContract({ address: receipt.contractAddress, abi, functionName: 'symbol' }), 'MTT')
  return receipt.contractAddress
}

async function handOut(token) {
  const wallet = createWalletClient({ chain, transport: http(), account: senders[0] })
  const nonce = await client.getTransactionCount({ address: senders[0].address, blockTag: 'pending' })
  const hashes = await Promise.all(
    senders.slice(1).map((sender, index) =>
      wallet.writeContract({
        address: token, abi, functionName: 'transfer', args: [sender.address, parseEther('1000')],
        nonce: nonce + index, gas: 2_000_000n,
      }),
    ),
  )
  await Promise.all(hashes.map((hash) => succeeded(hash)))
}

async function succeeded(hash) {
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: TIMEOUT_MS })
  assert.equal(receipt.status, 'success', hash)
  return receipt
}

/// Even senders use viem, odd ones ethers; each sends to its right neighbour, with its own nonces.
async function transfers(token) {
  const hashes = await Promise.all(senders.map((sender, index) => sendAll(token, sender, index)))
  const receipts = await Promise.all(hashes.flat().map((hash) => succeeded(hash)))
  return { hashes: hashes.flat(), blocks: new Set(receipts.map((receipt) => receipt.blockNumber)).size }
}

async function sendAll(token, sender, index) {
  const to = senders[(index + 1) % senders.length].address
  const first = await client.getTransactionCount({ address: sender.address, blockTag: 'pending' })
  const nonces = Array.from({ length: TRANSFERS_PER_SENDER }, (_, n) => first + n)
  if (index % 2 === 0) {
    const wallet = createWalletClient({ chain, transport: http(), account: sender })
    const fees = await client.estimateFeesPerGas()
    return sequence(nonces, (nonce) =>
      wallet.writeContract({
        address: token, abi, functionName: 'transfer', args: [to, 1n + BigInt(index)], nonce, gas: 1_500_000n, ...fees,
      }),
    )
  }
  const contract = new ethers.Contract(token, abi, new ethers.Wallet(privateKeyOf(sender), provider))
  const { maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData()
  return sequence(nonces, async (nonce) => {
    const overrides = { nonce, gasLimit: 1_500_000n, maxFeePerGas, maxPriorityFeePerGas }
    return (await contract.transfer(to, 1n + BigInt(index), overrides)).hash
  })
}

async function sequence(items, send) {
  const results = []
  for (const item of items) results.push(await send(item))
  return results
}

/// Subscriptions of both libraries, opened before the transfers they must see.
function subscribe(token, expected) {
  const socket = createPublicClient({ chain, transport: webSocket() })
  const socketProvider = new ethers.WebSocketProvider(url.replace(/^http/, 'ws'), chainId, { staticNetwork: true })
  const seen = { viem: new Set(), ethers: new Set(), heads: 0, ethersHeads: 0 }
  const all = waiter(
    () => seen.viem.size >= expected && seen.ethers.size >= expected && seen.heads > 0,
    TIMEOUT_MS,
    () => `subscriptions: viem ${seen.viem.size}, ethers ${seen.ethers.size} of ${expected} logs, ${seen.heads} heads`,
  )
  // A head that comes after the subscriptions were asked for shows that they are in place.
  const ready = waiter(() => seen.heads > 0 && seen.ethersHeads > 0, TIMEOUT_MS, () => 'the first heads')
  const stop = [
    socket.watchContractEvent({
      address: token, abi, eventName: 'Transfer',
      onLogs: (logs) => {
        for (const log of logs) seen.viem.add(`${log.transactionHash}:${log.logIndex}`)
        all.poke()
      },
    }),
    socket.watchBlocks({ onBlock: () => (seen.heads++, ready.poke(), all.poke()) }),
  ]
  const contract = new ethers.Contract(token, abi, socketProvider)
  contract.on('Transfer', (...args) => {
    const { log } = args[args.length - 1]
    seen.ethers.add(`${log.transactionHash}:${log.index}`)
    all.poke()
  })
  socketProvider.on('block', () => (seen.ethersHeads++, ready.poke()))
  const close = async () => {
    stop.forEach((unwatch) => unwatch())
    await socketProvider.destroy()
    ;(await socket.transport.getRpcClient()).close()
  }
  return { seen, done: all.promise, opened: ready.promise, close }
}

async function filters(token, fromBlock, expected) {
  const logs = await client.getContractEvents({ address: token, abi, eventName: 'Transfer', fromBlock })
  assert.equal(logs.length, expected)
  const mine = await client.getContractEvents({
    address: token, abi, eventName: 'Transfer', fromBlock, args: { from: senders[3].address },
  })
  assert.equal(mine.length, TRANSFERS_PER_SENDER)
  const contract = new ethers.Contract(token, abi, provider)
  const byEthers = await contract.queryFilter(contract.filters.Transfer(null, senders[4].address), Number(fromBlock))
  assert.equal(byEthers.length, TRANSFERS_PER_SENDER)
}

async function polledFilter(token) {
  const filter = await client.createContractEventFilter({ address: token, abi, eventName: 'Transfer' })
  const wallet = createWalletClient({ chain, transport: http(), account: senders[5] })
  const hash = await wallet.writeContract({
    address: token, abi, functionName: 'transfer', args: [senders[6].address, 777n],
  })
  await succeeded(hash)
  const changes = await client.getFilterChanges({ filter })
  assert.deepEqual(changes.map((log) => [log.transactionHash, log.args.value]), [[hash, 777n]])
  assert.deepEqual(await client.getFilterChanges({ filter }), [])
  assert.equal(await client.uninstallFilter({ filter }), true)
}

async function reverts(token) {
  const viemToken = getContract({ address: token, abi, client })
  await assert.rejects(viemToken.read.refuse(), /the mill stands still/)
  const contract = new ethers.Contract(token, abi, new ethers.Wallet(privateKeyOf(senders[7]), provider))
  await assert.rejects(contract.refuse(), (error) => error.reason === 'the mill stands still')
  await assert.rejects(
    contract.transfer.staticCall(senders[0].address, parseEther('5000000')),
    (error) => error.revert.name === 'ERC20InsufficientBalance',
  )
  const raw = { to: token, data: contract.interface.encodeFunctionData('transfer', [senders[0].address, parseEther('5000000')]) }
  const sent = await (await contract.runner.sendTransaction({ ...raw, gasLimit: 2_000_000n }))
  const receipt = await client.waitForTransactionReceipt({ hash: sent.hash, timeout: TIMEOUT_MS })
  assert.equal(receipt.status, 'reverted')
}

const token = await deploy()
await handOut(token)
const expected = TRANSFERS_PER_SENDER * senders.length
const fromBlock = (await client.getBlockNumber({ cacheTime: 0 })) + 1n
const watched = subscribe(token, expected)
await watched.opened
const started = performance.now()
const { hashes, blocks } = await transfers(token)
const elapsedMs = performance.now() - started
await watched.done
await watched.close()
await filters(token, fromBlock, expected)
await polledFilter(token)
await reverts(token)

const balances = {}
const slots = {}
for (const { address } of senders) {
  balances[address] = (await client.readContract({ address: token, abi, functionName: 'balanceOf', args: [address] })).toString()
  slots[address] = ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(['address', 'uint256'], [address, 0]))
}
const head = Number(await client.getBlockNumber({ cacheTime: 0 }))
console.log(JSON.stringify({ token, balances, slots, head, transfers: hashes.length, blocks, elapsedMs }))
provider.destroy()
process.exit(0)
