#[derive(Table)]
#[table(primary_key = (tenant, id), crate = crate::renamed)]
pub struct Event {
    id: u64,
    tenant: u32,
    text: std::string::String,
}
