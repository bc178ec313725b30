//! Real processes, and no test that sleeps: each waits for what the process says.

mod commands;
mod ends;
mod http;
mod http_ends;
mod http_hosts;
mod http_secrets;
mod http_several;
mod http_tls;
mod own;
mod plugin;
mod plugin_ends;
mod plugins;
mod secrets;
mod server;
mod start;
mod streams;
mod support;
