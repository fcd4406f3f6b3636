//! What a library's file tells before it is loaded: loading runs its initialisers, and a file cut short kills the process
//! that maps it.

use std::fs::File;
use std::path::Path;

use object::read::{ReadCache, ReadRef};
use object::{Architecture, Object, ObjectKind, ObjectSegment, ObjectSymbol};

use crate::abi::VERSION_SYMBOL;
use crate::host::PluginError;

/// The ABI version of the plugin at `path`.
pub(crate) fn abi_version(path: &Path) -> Result<u32, PluginError> {
    let unreadable = |source| PluginError::Unreadable { path: path.to_owned(), source };
    let metadata = match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(PluginError::Missing { path: path.to_owned() });
        }
        metadata => metadata.map_err(unreadable)?,
    };
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
        return Err(PluginError::NotAFile { path: path.to_owned(), what });
    }
    let file = ReadCache::new(File::open(path).map_err(unreadable)?);
    let library = whole_library(&file, metadata.len())
        .map_err(|reason| PluginError::NotALibrary { path: path.to_owned(), reason })?;
    exported_version(&library).ok_or_else(|| PluginError::NotAPlugin { path: path.to_owned(), symbol: VERSION_SYMBOL })
}

/// The library in `file`, found to be one of this machine's with all of its segments there; or a phrase why not.
fn whole_library<'data, R: ReadRef<'data>>(file: R, length: u64) -> Result<object::File<'data, R>, String> {
    let library = object::File::parse(file).map_err(|error| error.to_string())?;
    if library.kind() != ObjectKind::Dynamic {
        return Err(format!("it is of kind {:?}", library.kind()));
    }
    if this_machine().is_some_and(|here| here != library.architecture()) {
        return Err(format!("it is for {:?}", library.architecture()));
    }
    let complete = library.segments().all(|segment| {
        let (offset, size) = segment.file_range();
        offset.checked_add(size).is_some_and(|end| end <= length)
    });
    if complete { Ok(library) } else { Err("its end is missing".to_owned()) }
}

/// The processor this program runs on, where it is one of the usual ones; of others the loader has the last word.
fn this_machine() -> Option<Architecture> {
    match std::env::consts::ARCH {
        "x86_64" => Some(Architecture::X86_64),
        "aarch64" => Some(Architecture::Aarch64),
        "riscv64" => Some(Architecture::Riscv64),
        _ => None,
    }
}

/// What the version symbol of `library` stands for.
fn exported_version<'data, R: ReadRef<'data>>(library: &object::File<'data, R>) -> Option<u32> {
    let symbol = library
        .dynamic_symbols()
        .find(|symbol| symbol.is_definition() && symbol.name_bytes() == Ok(VERSION_SYMBOL.as_bytes()))?;
    let bytes = library
        .segments()
        .find_map(|segment| segment.data_range(symbol.address(), size_of::<u32>() as u64).ok().flatten())?;
    bytes.try_into().ok().map(u32::from_ne_bytes)
}
