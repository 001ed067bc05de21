// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Mill} from "../src/Mill.sol";

/// The cheat codes that this script uses, so that it needs no library.
interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// Deploys a mill by CREATE and another one by CREATE2, through the deterministic deployer, and grinds with both.
contract Deploy {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external returns (address plain, address salted) {
        VM.startBroadcast();
        Mill mill = new Mill(1);
        mill.grind(41);
        Mill same = new Mill{salt: bytes32(uint256(7))}(2);
        same.grind(5);
        VM.stopBroadcast();
        require(mill.sacks() == 42 && same.sacks() == 7, "the mills do not count");
        return (address(mill), address(same));
    }
}
