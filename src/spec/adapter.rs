//! stub
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Adapter {
    pub adapter: crate::model::ids::AdapterName,
}
