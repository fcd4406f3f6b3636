//! Every step of the file system, and every way it can fail, on the files of this machine.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use futures::executor::block_on;
use mr::real::Files;
use tempfile::TempDir;
use world::{File, FileError, FileOperation, FileSystem, FileType, Metadata};

fn directory() -> (TempDir, Utf8PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

fn kind<T>(result: Result<T, FileError>) -> (FileOperation, ErrorKind) {
    let error = result.err().expect("it should have failed");
    (error.operation, error.kind)
}

#[test]
fn what_is_appended_is_read_back_wherever_one_starts() {
    let (_dir, path) = directory();
    let path = path.join("f");
    block_on(async {
        let mut file = Files.create(&path).await.unwrap();
        file.append(b"one ").await.unwrap();
        file.append(b"two").await.unwrap();
        file.sync().await.unwrap();
        for file in [file, Files.open(&path).await.unwrap()] {
            assert_eq!(file.size(), 7);
            let mut buffer = [0; 5];
            assert_eq!(file.read_at(4, &mut buffer).await.unwrap(), 3);
            assert_eq!(&buffer[..3], b"two");
            assert_eq!(file.read_at(7, &mut buffer).await.unwrap(), 0);
            assert_eq!(file.read_at(70, &mut buffer).await.unwrap(), 0);
        }
    });
}

#[test]
fn what_is_synced_beside_appending_is_all_there_in_the_end() {
    let (_dir, path) = directory();
    let path = path.join("f");
    let block = [7; 1 << 20];
    block_on(async {
        let mut file = Files.create(&path).await.unwrap();
        for _ in 0..20 {
            file.append(&block).await.unwrap();
            file.sync_soon();
        }
        file.sync().await.unwrap();
        file.append(b"more").await.unwrap();
        file.sync_soon();
        file.sync().await.unwrap();
    });
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 20 * block.len() + 4);
    assert!(bytes.chunks_exact(block.len()).all(|chunk| chunk == block) && bytes.ends_with(b"more"));
}

#[test]
fn a_missing_file_is_not_found_by_any_step() {
    let (_dir, path) = directory();
    let (missing, other) = (path.join("missing"), path.join("other"));
    block_on(async {
        use FileOperation::*;
        let outcomes = [
            kind(Files.open(&missing).await),
            kind(Files.metadata(&missing).await),
            kind(Files.rename(&missing, &other).await),
            kind(Files.hard_link(&missing, &other).await),
            kind(Files.remove_file(&missing).await),
            kind(Files.remove_dir(&missing).await),
            kind(Files.read_dir(&missing).await),
            kind(Files.sync_dir(&missing).await),
            kind(Files.create(&missing.join("below")).await),
            kind(Files.create_dir(&missing.join("below")).await),
        ];
        let operations = [Open, Metadata, Rename, HardLink, RemoveFile, RemoveDir, ReadDir, SyncDir, Create, CreateDir];
        assert_eq!(outcomes, operations.map(|operation| (operation, ErrorKind::NotFound)));
        let error = Files.open(&missing).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot open {missing}: No such file or directory (os error 2)"));
    });
}

#[test]
fn a_name_that_is_taken_is_not_taken_again() {
    let (_dir, path) = directory();
    let (a, b) = (path.join("a"), path.join("b"));
    fs::write(&a, "a").unwrap();
    fs::write(&b, "b").unwrap();
    block_on(async {
        assert_eq!(kind(Files.create(&a).await), (FileOperation::Create, ErrorKind::AlreadyExists));
        assert_eq!(kind(Files.create_dir(&a).await), (FileOperation::CreateDir, ErrorKind::AlreadyExists));
        assert_eq!(kind(Files.hard_link(&a, &b).await), (FileOperation::HardLink, ErrorKind::AlreadyExists));
    });
    assert_eq!((fs::read(&a).unwrap(), fs::read(&b).unwrap()), (b"a".into(), b"b".into()));
}

#[test]
fn directories_and_files_are_not_mistaken_for_each_other() {
    let (_dir, path) = directory();
    let file = path.join("file");
    fs::write(&file, "x").unwrap();
    block_on(async {
        assert_eq!(kind(Files.open(&path).await), (FileOperation::Open, ErrorKind::IsADirectory));
        assert_eq!(kind(Files.open(&file.join("below")).await), (FileOperation::Open, ErrorKind::NotADirectory));
        assert_eq!(kind(Files.read_dir(&file).await), (FileOperation::ReadDir, ErrorKind::NotADirectory));
        assert_eq!(kind(Files.remove_dir(&file).await), (FileOperation::RemoveDir, ErrorKind::NotADirectory));
        assert_eq!(kind(Files.rename(&file, &path).await).0, FileOperation::Rename);
        assert_eq!(kind(Files.remove_file(&path).await).0, FileOperation::RemoveFile);
    });
    assert!(file.exists());
}

#[test]
fn metadata_tells_files_directories_and_others_apart() {
    let (_dir, path) = directory();
    let file = path.join("file");
    fs::write(&file, "four").unwrap();
    std::os::unix::fs::symlink(&file, path.join("link")).unwrap();
    block_on(async {
        let of_file = Metadata { file_type: FileType::File, len: 4 };
        assert_eq!(Files.metadata(&file).await, Ok(of_file));
        assert_eq!(Files.metadata(&path.join("link")).await, Ok(of_file));
        assert_eq!(Files.metadata(&path).await.unwrap().file_type, FileType::Directory);
        assert_eq!(Files.metadata(Utf8Path::new("/dev/null")).await.unwrap().file_type, FileType::Other);
    });
}

#[test]
fn a_directory_is_removed_only_when_it_is_empty() {
    let (_dir, path) = directory();
    let dir = path.join("d");
    block_on(async {
        Files.create_dir(&dir).await.unwrap();
        Files.create(&dir.join("f")).await.unwrap();
        assert_eq!(kind(Files.remove_dir(&dir).await), (FileOperation::RemoveDir, ErrorKind::DirectoryNotEmpty));
        Files.remove_file(&dir.join("f")).await.unwrap();
        Files.sync_dir(&dir).await.unwrap();
        Files.remove_dir(&dir).await.unwrap();
    });
    assert!(!dir.exists());
}

#[test]
fn a_rename_replaces_what_bore_the_name() {
    let (_dir, path) = directory();
    let (from, to) = (path.join("from"), path.join("to"));
    fs::write(&from, "new").unwrap();
    fs::write(&to, "old").unwrap();
    block_on(Files.rename(&from, &to)).unwrap();
    assert_eq!((from.exists(), fs::read(&to).unwrap()), (false, b"new".into()));
}

#[test]
fn renaming_one_of_two_names_of_a_file_to_the_other_leaves_both() {
    let (_dir, path) = directory();
    let (a, b) = (path.join("a"), path.join("b"));
    fs::write(&a, "same").unwrap();
    block_on(Files.hard_link(&a, &b)).unwrap();
    block_on(Files.rename(&a, &b)).unwrap();
    assert_eq!(block_on(Files.read_dir(&path)).unwrap(), ["a", "b"]);
}

#[test]
fn a_directory_is_listed_in_byte_order() {
    let (_dir, path) = directory();
    for name in ["b", "a10", "B", "é", "a9"] {
        fs::write(path.join(name), "").unwrap();
    }
    assert_eq!(block_on(Files.read_dir(&path)).unwrap(), ["B", "a10", "a9", "b", "é"]);
}

#[test]
fn a_directory_with_a_name_that_is_not_utf8_says_so() {
    let (dir, path) = directory();
    let name = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    fs::write(dir.path().join(name), "").unwrap();
    let error = block_on(Files.read_dir(&path)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidData);
    assert!(error.reason.contains("not UTF-8, caf\u{fffd}"), "{error}");
}

#[test]
fn an_unreadable_file_is_told_from_a_missing_one() {
    let (_dir, path) = directory();
    let file = path.join("secret");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        eprintln!("skipped: this user (root?) may read every file");
        return;
    }
    assert_eq!(kind(block_on(Files.open(&file))), (FileOperation::Open, ErrorKind::PermissionDenied));
}

#[test]
fn a_read_that_fails_names_the_file() {
    // Address 0 of a process is never mapped, so that reading it fails whoever asks.
    let path = Utf8Path::new("/proc/self/mem");
    if !path.exists() {
        eprintln!("skipped: there is no {path} here");
        return;
    }
    let file = block_on(Files.open(path)).unwrap();
    let error = block_on(file.read_at(0, &mut [0; 8])).unwrap_err();
    assert_eq!((error.operation, error.path.as_path()), (FileOperation::Read, path));
}

/// A file system of 64 KiB, gone when this is dropped.
struct TinyDisk {
    path: Utf8PathBuf,
    _dir: TempDir,
}

impl TinyDisk {
    fn mount() -> Option<Self> {
        let (dir, path) = directory();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs", path.as_str()]).output().ok()?;
        mount.status.success().then(|| Self { path, _dir: dir })
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path.as_str()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_fails_the_append() {
    let Some(disk) = TinyDisk::mount() else {
        eprintln!("skipped: this user may not mount a tmpfs");
        return;
    };
    block_on(async {
        let mut file = Files.create(&disk.path.join("f")).await.unwrap();
        file.append(&[b'x'; 4096]).await.unwrap();
        let error = file.append(&[b'x'; 128 << 10]).await.unwrap_err();
        assert_eq!((error.operation, error.kind), (FileOperation::Append, ErrorKind::StorageFull));
        assert!(error.to_string().contains("No space left on device"), "{error}");
    });
}
