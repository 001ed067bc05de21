// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Keeps sacks for whoever stores them.
contract Granary {
    event Stored(address indexed owner, uint256 sacks);

    mapping(address => uint256) public sacks;

    function store(uint256 more) external {
        require(more > 0, "nothing to store");
        sacks[msg.sender] += more;
        emit Stored(msg.sender, more);
    }
}
