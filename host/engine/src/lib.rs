//! Runs policies compiled to WebAssembly: load, limits, deadline, one decision
