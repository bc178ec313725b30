//! stub
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Policy {}
