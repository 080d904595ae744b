//! The law of depth: what is fetched is a function of site and settings alone.

mod found;
