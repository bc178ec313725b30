//! Legality: a journal replayed through the run; verification and search.
