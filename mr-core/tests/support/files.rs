//! Files in memory: names in an ordered map, bytes shared by all who have the file open.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};
use world::{File, FileError, FileOperation, FileSystem, FileType, Metadata};

type Bytes = Arc<Mutex<Vec<u8>>>;

/// The files of a [`MemoryWorld`](super::MemoryWorld). Everything is durable at once.
#[derive(Clone, Default)]
pub struct MemoryFiles(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    nodes: BTreeMap<Utf8PathBuf, Node>,
    failing: Vec<(FileOperation, Utf8PathBuf)>,
    vanishing: Option<(FileOperation, Utf8PathBuf)>,
    max_read: Option<usize>,
    most_open: usize,
    largest_append: usize,
    synced_soon: BTreeSet<String>,
    open: usize,
}

#[derive(Clone)]
enum Node {
    File(Bytes),
    Directory,
}

impl MemoryFiles {
    /// Puts a file there, over whatever was there.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.0.lock().unwrap().nodes.insert(path.into(), Node::File(Arc::new(Mutex::new(bytes.to_vec()))));
    }

    /// Leaves the file at `path` only its first `len` bytes, for whoever has it open, too.
    pub fn cut(&self, path: &str, len: usize) {
        match self.0.lock().unwrap().nodes.get(Utf8Path::new(path)) {
            Some(Node::File(bytes)) => bytes.lock().unwrap().truncate(len),
            _ => panic!("there is no file `{path}`"),
        }
    }

    /// The bytes of the file at `path`, if there is one.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        match self.0.lock().unwrap().nodes.get(Utf8Path::new(path)) {
            Some(Node::File(bytes)) => Some(bytes.lock().unwrap().clone()),
            _ => None,
        }
    }

    /// The names of all files and directories, in byte order.
    pub fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().nodes.keys().map(ToString::to_string).collect()
    }

    /// From now on `operation` on `path` fails, as a full disk makes it.
    pub fn fail(&self, operation: FileOperation, path: &str) {
        self.0.lock().unwrap().failing.push((operation, path.into()));
    }

    /// The directory at `path`, in which nothing is, goes the moment before the next `operation` on something in it.
    pub fn vanish_before(&self, operation: FileOperation, path: &str) {
        self.0.lock().unwrap().vanishing = Some((operation, path.into()));
    }

    /// From now on no read yields more than `bytes` bytes.
    pub fn limit_reads(&self, bytes: usize) {
        self.0.lock().unwrap().max_read = Some(bytes);
    }

    /// The most files that were open at a time so far.
    pub fn most_open(&self) -> usize {
        self.0.lock().unwrap().most_open
    }

    /// The most bytes that were appended at a time so far.
    pub fn largest_append(&self) -> usize {
        self.0.lock().unwrap().largest_append
    }

    /// The files that were said to be synced later.
    pub fn synced_soon(&self) -> Vec<String> {
        self.0.lock().unwrap().synced_soon.iter().cloned().collect()
    }

    /// Fails if a test wants `operation` on `path` to.
    fn check(&self, operation: FileOperation, path: &Utf8Path) -> Result<(), FileError> {
        let mut state = self.0.lock().unwrap();
        let vanishes =
            |(what, directory): &mut (_, Utf8PathBuf)| *what == operation && path.parent() == Some(directory);
        if let Some((_, directory)) = state.vanishing.take_if(vanishes) {
            state.nodes.remove(&directory);
        }
        match state.failing.iter().any(|(what, which)| *what == operation && which == path) {
            true => Err(failure(operation, path, io::ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }

    /// Fails unless a name can be made at `path`.
    fn check_parent(&self, operation: FileOperation, path: &Utf8Path) -> Result<(), FileError> {
        let parent = path.parent().filter(|parent| !matches!(parent.as_str(), "" | "." | "/"));
        match parent.map(|parent| self.node(operation, parent)) {
            None | Some(Ok(Node::Directory)) => Ok(()),
            Some(Ok(Node::File(_))) => Err(failure(operation, path, io::ErrorKind::NotADirectory)),
            Some(Err(_)) => Err(failure(operation, path, io::ErrorKind::NotFound)),
        }
    }

    fn node(&self, operation: FileOperation, path: &Utf8Path) -> Result<Node, FileError> {
        self.check(operation, path)?;
        let node = self.0.lock().unwrap().nodes.get(path).cloned();
        node.ok_or_else(|| failure(operation, path, io::ErrorKind::NotFound))
    }

    fn file(&self, operation: FileOperation, path: &Utf8Path) -> Result<Bytes, FileError> {
        match self.node(operation, path)? {
            Node::File(bytes) => Ok(bytes),
            Node::Directory => Err(failure(operation, path, io::ErrorKind::IsADirectory)),
        }
    }

    fn make(&self, operation: FileOperation, path: &Utf8Path, node: Node) -> Result<(), FileError> {
        self.check(operation, path)?;
        self.check_parent(operation, path)?;
        let mut state = self.0.lock().unwrap();
        if state.nodes.contains_key(path) {
            return Err(failure(operation, path, io::ErrorKind::AlreadyExists));
        }
        state.nodes.insert(path.to_owned(), node);
        Ok(())
    }

    fn opened(&self, path: &Utf8Path, bytes: Bytes) -> MemoryFile {
        let mut state = self.0.lock().unwrap();
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
        let size = bytes.lock().unwrap().len() as u64;
        MemoryFile { files: self.clone(), path: path.to_owned(), bytes, size }
    }

    fn children(&self, path: &Utf8Path) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let name = |child: &Utf8PathBuf| (child.parent() == Some(path)).then(|| child.file_name().map(str::to_owned));
        state.nodes.keys().filter_map(name).flatten().collect()
    }
}

fn failure(operation: FileOperation, path: &Utf8Path, kind: io::ErrorKind) -> FileError {
    FileError::new(operation, path, &kind.into())
}

impl FileSystem for MemoryFiles {
    type File = MemoryFile;

    async fn open(&self, path: &Utf8Path) -> Result<MemoryFile, FileError> {
        let bytes = self.file(FileOperation::Open, path)?;
        Ok(self.opened(path, bytes))
    }

    async fn create(&self, path: &Utf8Path) -> Result<MemoryFile, FileError> {
        let bytes = Bytes::default();
        self.make(FileOperation::Create, path, Node::File(Arc::clone(&bytes)))?;
        Ok(self.opened(path, bytes))
    }

    async fn metadata(&self, path: &Utf8Path) -> Result<Metadata, FileError> {
        Ok(match self.node(FileOperation::Metadata, path)? {
            Node::File(bytes) => Metadata { file_type: FileType::File, len: bytes.lock().unwrap().len() as u64 },
            Node::Directory => Metadata { file_type: FileType::Directory, len: 0 },
        })
    }

    async fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        self.check(FileOperation::Rename, to)?;
        self.check_parent(FileOperation::Rename, to)?;
        let bytes = self.file(FileOperation::Rename, from)?;
        if let Ok(target) = self.file(FileOperation::Rename, to)
            && Arc::ptr_eq(&bytes, &target)
        {
            return Ok(());
        }
        let mut state = self.0.lock().unwrap();
        state.nodes.remove(from);
        state.nodes.insert(to.to_owned(), Node::File(bytes));
        Ok(())
    }

    async fn hard_link(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        let bytes = self.file(FileOperation::HardLink, from)?;
        self.make(FileOperation::HardLink, to, Node::File(bytes))
    }

    async fn remove_file(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.file(FileOperation::RemoveFile, path)?;
        self.0.lock().unwrap().nodes.remove(path);
        Ok(())
    }

    async fn create_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.make(FileOperation::CreateDir, path, Node::Directory)
    }

    async fn remove_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        let operation = FileOperation::RemoveDir;
        match self.node(operation, path)? {
            Node::File(_) => return Err(failure(operation, path, io::ErrorKind::NotADirectory)),
            Node::Directory if !self.children(path).is_empty() => {
                return Err(failure(operation, path, io::ErrorKind::DirectoryNotEmpty));
            }
            Node::Directory => {}
        }
        self.0.lock().unwrap().nodes.remove(path);
        Ok(())
    }

    async fn read_dir(&self, path: &Utf8Path) -> Result<Vec<String>, FileError> {
        let here = matches!(path.as_str(), "" | ".");
        if !here && matches!(self.node(FileOperation::ReadDir, path)?, Node::File(_)) {
            return Err(failure(FileOperation::ReadDir, path, io::ErrorKind::NotADirectory));
        }
        Ok(self.children(if here { Utf8Path::new("") } else { path }))
    }

    async fn sync_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.check(FileOperation::SyncDir, path)
    }
}

/// An open file of [`MemoryFiles`].
pub struct MemoryFile {
    files: MemoryFiles,
    path: Utf8PathBuf,
    bytes: Bytes,
    size: u64,
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.files.0.lock().unwrap().open -= 1;
    }
}

impl File for MemoryFile {
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        self.files.check(FileOperation::Read, &self.path)?;
        let max = self.files.0.lock().unwrap().max_read.unwrap_or(usize::MAX);
        let bytes = self.bytes.lock().unwrap();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = (bytes.len() - start).min(buffer.len()).min(max);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.size
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.files.check(FileOperation::Append, &self.path)?;
        let mut state = self.files.0.lock().unwrap();
        state.largest_append = state.largest_append.max(bytes.len());
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn sync_soon(&mut self) {
        self.files.0.lock().unwrap().synced_soon.insert(self.path.to_string());
    }

    async fn sync(&mut self) -> Result<(), FileError> {
        self.files.check(FileOperation::Sync, &self.path)
    }
}
