//! A watched directory of policies, published as one immutable snapshot
