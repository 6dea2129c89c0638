//! Gives the shared library its soname and makes it stay loaded.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    match os.as_str() {
        "linux" | "freebsd" | "android" => {
            // Before 1.0 a minor version may break the ABI, so that it is part of the name.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libgoaway.so.{major}.{minor}");
            // Threads of ours may run when the host calls dlclose: it must not unmap us.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" => {
            let name = format!("libgoaway.{major}.{minor}.dylib");
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/{name}");
        }
        _ => {}
    }
}
