//! Definitions, environment and parameters become a plan: a validated graph with a digest. Pure.
