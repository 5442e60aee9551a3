//! The district.
fn main() -> anyhow::Result<()> {
    let config = std::env::args().nth(3).unwrap_or_default();
    node::station::run(std::path::Path::new(&config))
}
