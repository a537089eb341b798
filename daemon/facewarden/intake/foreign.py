"""Foreign: what other programs leave in folders, one row for each pattern. `docs/folders.md` shows the same table.

A folder of deleted photos must not be entered, a photo under a temporary name is not complete, and a note beside a
photo is no photo. Case is ignored, as Windows and macOS do. No pattern may match what a photo is called:
`holiday.bak.jpg`, `photo #3#.jpg`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

Kind = Literal["folder", "temporary", "side", "beside"]
"""`folder`: never entered. `temporary`: a file under the name that it has while it is written. `side`: a file that says
something of others. `beside`: the same, but only in the company of the photo of its name; alone it is a drop as any
other."""


class Row(NamedTuple):
    """A pattern (of a shell), what it is, who leaves it, and where that is written."""

    pattern: str
    kind: Kind
    whose: str
    source: str


_GITIGNORE = "https://github.com/github/gitignore/blob/main/Global/"
_MACOS, _WINDOWS, _LINUX = (f"{_GITIGNORE}{system}.gitignore" for system in ("macOS", "Windows", "Linux"))
_SYNOLOGY = "https://synology.com/knowledgebase/DSM/tutorial/File_Sharing/How_to_create_shared_folders_on_Synology_NAS"
_QNAP = "https://github.com/ZeroQI/Absolute-Series-Scanner/issues/364"
_ZFS = (
    "https://docs.oracle.com/en/storage/zfs-storage/zfs-appliance/os8-8-x/"
    "admin-guide/working-file-system-control-directory.html"
)
_NETAPP = "https://library.netapp.com/ecmdocs/ECMP1196991/html/GUID-36DC110C-C0FE-4313-BF53-1C12838F7BBD.html"
_SNAPSHOTS = "https://github.com/owncloud/core/pull/16534"
_TRASH = "https://specifications.freedesktop.org/trash-spec/latest/"
_NEXTCLOUD = "https://github.com/nextcloud/desktop/blob/master/sync-exclude.lst"
_NEXTCLOUD_GIST = "https://gist.github.com/janikvonrotz/21c05ba5808ca503e2eb9046a3795932"
_RESILIO = "https://grimore.org/fuss/bittorrent_sync"
_RESILIO_ARCHIVE = "https://docs.resilio.com/content/reference-information/understanding_the_archive_folder"
_SYNCTHING = "https://docs.syncthing.net/users/syncing.html"
_SYNC_GIST = "https://gist.github.com/jult/e2eaedad6b9e29d95977fea0ddffae7d"
_DRIVE = "https://umatechnology.org/what-is-file-tmp-drivedownload-and-can-i-remove-it"
_ICLOUD = "https://github.com/cryptomator/cloud-access-swift/issues/19"
_RSYNC = "https://download.samba.org/pub/rsync/rsync.1"
_DOWNLOADS = "https://github.com/Ebullioscopic/Atoll/pull/759"
_XUNLEI = "https://github.com/hsuyelin/nas-tools/pull/770"
_PURE_FTPD = "https://my.ultrawebhosting.com/knowledgebase/268/What-is-this-pureftpd-upload-file.html"
_SAFE_SAVE = "https://github.com/Scille/parsec-cloud/issues/1764"
_MOUNTAIN_DUCK = "https://github.com/iterate-ch/docs/issues/360"
_MORRO = "https://docs.morrodata.com/mcm/sync-exclusion-ere/index.html"
_EMACS = "https://www.gnu.org/software/emacs/manual/html_node/emacs/Auto-Save-Files.html"
_ZONE = "https://github.com/microsoft/WSL/issues/4609"
_PICASA = "https://github.com/simulot/immich-go/issues/1126"
_GOPRO = "https://nhatranggo.net/dinh-dang-video-gopro-file-lrv-va-thm-la-file-gi/"

_FOLDERS = (
    Row("@eaDir", "folder", "Synology: thumbnails", "https://github.com/immich-app/immich/discussions/7573"),
    Row("#recycle", "folder", "Synology: deleted files", _SYNOLOGY),
    Row("#snapshot", "folder", "Synology: earlier versions", "https://github.com/homeisfar/LinuxDir2HTML/issues/20"),
    Row("@Recycle", "folder", "QNAP: deleted files", _QNAP),
    Row("@Recently-Snapshot", "folder", "QNAP: earlier versions", _QNAP),
    Row(".@__thumb", "folder", "QNAP: thumbnails", "https://github.com/MediaBrowser/Emby/issues/3246"),
    Row("@__thumb", "folder", "QNAP: thumbnails", "https://github.com/nc-music/oc-music/issues/976"),
    Row(".zfs", "folder", "ZFS, TrueNAS: earlier versions", _ZFS),
    Row(".snapshot", "folder", "NetApp over NFS: earlier versions", _NETAPP),
    Row("~snapshot", "folder", "NetApp over SMB: earlier versions", _SNAPSHOTS),
    Row(
        "~snapsht", "folder", "NetApp, short names", "https://manualsdump.com/en/manuals/dell-720n-740n-760n/147650/269"
    ),
    Row(".ckpt", "folder", "Dell EMC: earlier versions", _SNAPSHOTS),
    Row("~ckpt", "folder", "Dell EMC: earlier versions", _SNAPSHOTS),
    Row(".latest", "folder", "Hitachi: earlier versions", _SNAPSHOTS),
    Row("~latest", "folder", "Hitachi: earlier versions", _SNAPSHOTS),
    Row(".snapshots", "folder", "snapper (Btrfs): earlier versions", "http://snapper.io/faq.html"),
    Row(".recycle", "folder", "Samba: deleted files", "https://man.archlinux.org/man/vfs_recycle.8.en"),
    Row(
        ".Recycle.Bin", "folder", "Samba, Unraid: deleted files", "https://github.com/advplyr/audiobookshelf/issues/169"
    ),
    Row("$RECYCLE.BIN", "folder", "Windows: deleted files", _WINDOWS),
    Row("RECYCLER", "folder", "Windows: deleted files", _WINDOWS),
    Row("System Volume Information", "folder", "Windows", _WINDOWS),
    Row("lost+found", "folder", "ext2 to ext4", "https://man7.org/linux/man-pages/man8/mklost+found.8.html"),
    Row(".Trash", "folder", "Linux desktops: deleted files", _TRASH),
    Row(".Trash-*", "folder", "Linux desktops: deleted files", _TRASH),
    Row(".Trashes", "folder", "macOS: deleted files", _MACOS),
    Row(".TemporaryItems", "folder", "macOS", _MACOS),
    Row("Temporary Items", "folder", "macOS on a server", _MACOS),
    Row("Network Trash Folder", "folder", "macOS on a server: deleted files", _MACOS),
    Row(".DocumentRevisions-V100", "folder", "macOS: earlier versions", _MACOS),
    Row(".Spotlight-V100", "folder", "macOS: search index", _MACOS),
    Row(".fseventsd", "folder", "macOS", _MACOS),
    Row(".AppleDouble", "folder", "macOS on a server", _MACOS),
    Row("__MACOSX", "folder", "archives made on macOS", "https://github.com/photoprism/photoprism/issues/2844"),
    Row("*.sb-????????-??????", "folder", "macOS: a file being saved", _SAFE_SAVE),
    Row("(A Document Being Saved By *)", "folder", "macOS: a file being saved", _MOUNTAIN_DUCK),
    Row("*.*.download", "folder", "Safari: a download", _DOWNLOADS),
    Row(".stversions", "folder", "Syncthing: earlier versions", "https://docs.syncthing.net/users/versioning.html"),
    Row(".stfolder", "folder", "Syncthing", "https://docs.syncthing.net/users/config.html"),
    Row(".sync", "folder", "Resilio Sync: earlier versions", _RESILIO_ARCHIVE),
    Row(".SyncArchive", "folder", "Resilio Sync: earlier versions", _RESILIO),
    Row(".SyncTrash", "folder", "Resilio Sync: deleted files", _RESILIO),
    Row(".dropbox.cache", "folder", "Dropbox: deleted files", "https://www.dropbox.com/en/help/328"),
    Row(".tmp.drivedownload", "folder", "Google Drive: downloads", _DRIVE),
    Row(".tmp.driveupload", "folder", "Google Drive: uploads", _DRIVE),
    Row(".rsync-partial", "folder", "rsync --partial-dir", _RSYNC),
    Row(".~tmp~", "folder", "rsync --delay-updates", _RSYNC),
    Row(".picasaoriginals", "folder", "Picasa: earlier versions", _PICASA),
    Row("Picasa Originals", "folder", "Picasa: earlier versions", _PICASA),
    Row(".thumbnails", "folder", "Android, Linux desktops", "https://github.com/photoprism/photoprism/issues/233"),
    Row(".sh_thumbnails", "folder", "Linux desktops", "https://specifications.freedesktop.org/thumbnail-spec/latest/"),
)

_TEMPORARY = (
    Row("*.tmp", "temporary", "scanners, Windows, ownCloud", "https://github.com/owncloud/client/issues/3149"),
    Row("*.temp", "temporary", "scanners", "https://github.com/owncloud/client/issues/3149"),
    Row("*.part", "temporary", "Firefox, FTP clients", _DOWNLOADS),
    Row("*.partial", "temporary", "rclone, Edge", "https://rclone.org/docs/#partial-suffix-string"),
    Row("*.filepart", "temporary", "WinSCP", "https://winscp.net/eng/docs/resume"),
    Row("*.crdownload", "temporary", "Chrome, Edge", _DOWNLOADS),
    Row("*.opdownload", "temporary", "Opera", _DOWNLOADS),
    Row("*.download", "temporary", "Safari, download programs", _DOWNLOADS),
    Row("*.tmp.drive*load", "temporary", "Google Drive", _DRIVE),
    Row("*.upload", "temporary", "upload programs", "https://github.com/OCA/storage/issues/52"),
    Row("*.uploading", "temporary", "upload programs", "https://github.com/JayBizzle/mysqldumper/issues/11"),
    Row("*.inprogress", "temporary", "upload programs", "https://github.com/drakkan/sftpgo/issues/2291"),
    Row("*.lftp", "temporary", "lftp", "https://github.com/ipsingh06/seedsync/issues/6"),
    Row(".in.*", "temporary", "ProFTPD", "https://github.com/proftpd/proftpd/issues/47"),
    Row(".pureftpd-upload*", "temporary", "Pure-FTPd", _PURE_FTPD),
    Row("*.aria2", "temporary", "aria2", "https://github.com/aria2/aria2/issues/792"),
    Row("*.!qB", "temporary", "qBittorrent", "https://github.com/qbittorrent/qBittorrent/issues/5023"),
    Row("*.td", "temporary", "Xunlei", _XUNLEI),
    Row("*.xltd", "temporary", "Xunlei", _XUNLEI),
    Row("*.!sync", "temporary", "Resilio Sync", _RESILIO),
    Row("*.bts", "temporary", "Resilio Sync", _SYNC_GIST),
    Row("*.SyncPart", "temporary", "Resilio Sync", _RESILIO),
    Row("*.SyncTemp", "temporary", "Resilio Sync", _RESILIO),
    Row("*.SyncOld", "temporary", "Resilio Sync", _RESILIO),
    Row(".syncthing.*.tmp", "temporary", "Syncthing", _SYNCTHING),
    Row("~syncthing~*.tmp", "temporary", "Syncthing on Windows", _SYNCTHING),
    Row(".*.[!.][!.][!.][!.][!.][!.]", "temporary", "rsync: a dot, the name and six letters", _RSYNC),
    Row("*.rsync-partial", "temporary", "rsync", _RSYNC),
    Row("*.sb-????????-??????", "temporary", "macOS: a file being saved", _SAFE_SAVE),
    Row(".dat.nosync*", "temporary", "macOS: a file being saved", _MOUNTAIN_DUCK),
    Row(".goutputstream-*", "temporary", "GNOME: a file being saved", _MOUNTAIN_DUCK),
    Row(".*.icloud", "temporary", "iCloud: not downloaded", _ICLOUD),
    Row(".smbdelete*", "temporary", "SMB: deleted while open", _MORRO),
    Row(".nfs*", "temporary", "NFS: deleted while open", _MOUNTAIN_DUCK),
    Row(".fuse_hidden*", "temporary", "FUSE: deleted while open", _NEXTCLOUD_GIST),
    Row("~$*", "temporary", "Microsoft Office: open here", _NEXTCLOUD),
    Row(".~lock.*#", "temporary", "LibreOffice: open here", _NEXTCLOUD),
    Row("*.lock", "temporary", "programs: open here", _SYNC_GIST),
    Row("*.lck", "temporary", "programs: open here", _MOUNTAIN_DUCK),
    Row("#*#", "temporary", "Emacs", _EMACS),
    Row(".#*", "temporary", "Emacs: open here", _MORRO),
    Row("*.swp", "temporary", "Vim", _NEXTCLOUD),
    Row("*.kate-swp", "temporary", "Kate", _NEXTCLOUD),
    Row("*.bak", "temporary", "programs: an earlier version", _MORRO),
)

_SIDES = (
    Row("Thumbs.db", "side", "Windows: thumbnails", _WINDOWS),
    Row("ehthumbs.db", "side", "Windows: thumbnails", _WINDOWS),
    Row("ehthumbs_vista.db", "side", "Windows: thumbnails", _SYNC_GIST),
    Row("photothumb.db", "side", "photo programs: thumbnails", _NEXTCLOUD_GIST),
    Row("desktop.ini", "side", "Windows, Google Drive: how a folder looks", _WINDOWS),
    Row("*:Zone.Identifier", "side", "Windows: where a download came from", _ZONE),
    Row("*\uf03aZone.Identifier", "side", "Windows over WSL or SMB: the same", _ZONE),
    Row(".DS_Store", "side", "macOS: how a folder looks", _MACOS),
    Row("._*", "side", "macOS: attributes of a file", _MACOS),
    Row("Icon\r", "side", "macOS: a folder's icon", _MACOS),
    Row(".directory", "side", "KDE: how a folder looks", _LINUX),
    Row(".picasa.ini", "side", "Picasa", _PICASA),
    Row("Picasa.ini", "side", "Picasa", _PICASA),
    Row(".dropbox.attr", "side", "Dropbox", "https://pastebin.com/h7cBignp"),
    Row("*.aae", "side", "iPhone, Photos: edits of a photo", "https://github.com/jmathai/elodie/issues/341"),
    Row("*.thm", "side", "cameras: thumbnail of a video", "http://file.types.explained.at/t/thm/"),
    Row("*.lrv", "side", "GoPro: small copy of a video", _GOPRO),
    Row("*.xmp", "beside", "Lightroom, darktable: edits of a photo", "https://github.com/ivandokov/phockup/pull/81"),
    Row("*.json", "beside", "Google Takeout: what Google knows of a photo", "https://github.com/ente/ente/issues/4953"),
)

ROWS: tuple[Row, ...] = _FOLDERS + _TEMPORARY + _SIDES


def patterns(*kinds: Kind) -> tuple[str, ...]:
    """The patterns of these kinds."""
    return tuple(row.pattern for row in ROWS if row.kind in kinds)


def row_of(name: str, *, folder: bool) -> Row | None:
    """The first row that a file or folder of this name is left alone for."""
    kinds = ("folder",) if folder else ("temporary", "side")
    found = (row for row in ROWS if row.kind in kinds and fnmatchcase(name.casefold(), row.pattern.casefold()))
    return next(found, None)


GROWING = {b".aria2": False, b".part": True}
"""Beside a file of its own name, a file with this ending says that the other one is still on its way: True where that
is said of an empty one alone. aria2 writes to the last name from the start; Firefox keeps that name taken with an empty
file (https://github.com/Ebullioscopic/Atoll/pull/759)."""
