#[derive(Table)]
#[index(both = (key, id))]
struct Row<K: Clone, const N: usize = 4, V = ()>
where
    V: Default,
{
    #[primary_key]
    id: u64,
    #[index(unique)]
    key: K,
    bytes: [u8; N],
    value: V,
}
