"""Tables of the calls that use files: which argument is the path, and what the call does with the file."""

from __future__ import annotations

#: What a call does with a path. A `LOOK` raises no error if the file is missing, but has another result: a shell's ``cat``,
#: ``exists``, a list of a folder. An `UPDATE` reads and writes, and creates a missing file.
READ, LOOK, WRITE, UPDATE = "read", "look", "write", "update"

Place = tuple[int, str]
RECEIVER = -1  #: in place of an argument's index: the path is the object whose method is called


def _rows(text: str, *places: Place) -> dict[str, tuple[Place, ...]]:
    return dict.fromkeys(text.split(), places)


#: Functions of libraries by their whole names.
FUNCTIONS: dict[str, tuple[Place, ...]] = {
    **_rows("numpy.save numpy.savez numpy.savez_compressed numpy.savetxt cv2.imwrite imageio.imwrite imageio.v2.imwrite imageio.v3.imwrite "
            "skimage.io.imsave os.remove os.unlink os.mkdir os.makedirs os.rmdir os.removedirs os.truncate os.mkfifo shutil.rmtree "
            "matplotlib.pyplot.savefig pandas.ExcelWriter pyarrow.parquet.ParquetWriter os.utime os.chmod", (0, WRITE)),
    **_rows("joblib.dump torch.save pyarrow.parquet.write_table pyarrow.feather.write_feather pyarrow.csv.write_csv pyarrow.orc.write_table "
            "pyarrow.dataset.write_dataset pyarrow.parquet.write_to_dataset safetensors.torch.save_file safetensors.numpy.save_file "
            "networkx.write_edgelist networkx.write_adjlist networkx.write_gpickle networkx.write_weighted_edgelist "
            "plotly.io.write_html plotly.io.write_image plotly.io.write_json urllib.request.urlretrieve", (1, WRITE)),
    **_rows("networkx.write_gml networkx.write_graphml networkx.write_gexf networkx.write_pajek networkx.write_multiline_adjlist", (1, WRITE)),
    **_rows("sklearn.datasets.dump_svmlight_file", (2, WRITE)),
    **_rows("matplotlib.pyplot.imsave scipy.io.savemat scipy.io.mmwrite scipy.io.wavfile.write scipy.sparse.save_npz tensorflow.io.write_file", (0, WRITE)),
    **_rows("shutil.copy shutil.copyfile shutil.copy2 shutil.copytree os.link os.symlink", (0, READ), (1, WRITE)),
    **_rows("shutil.move os.rename os.replace os.renames", (0, UPDATE), (1, WRITE)),
    **_rows("shutil.make_archive", (2, READ), (0, WRITE)),
    **_rows("shutil.unpack_archive", (0, READ), (1, WRITE)),
    **_rows("os.listdir os.scandir os.walk os.path.exists os.path.isfile os.path.isdir os.path.getsize os.path.getmtime os.stat glob.glob "
            "glob.iglob os.access os.path.lexists", (0, LOOK)),
    **_rows("os.path.samefile filecmp.cmp", (0, READ), (1, READ)),
    **_rows("sqlite3.connect duckdb.connect sqlalchemy.create_engine shelve.open dbm.open lmdb.open tinydb.TinyDB diskcache.Cache "
            "dataset.connect pandas.HDFStore zarr.open zarr.open_group", (0, UPDATE)),
    **_rows("numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile joblib.load torch.load numpy.memmap cv2.imread PIL.Image.open "
            "pyarrow.parquet.ParquetFile pyarrow.parquet.ParquetDataset pyarrow.dataset.dataset pyarrow.memory_map safetensors.safe_open "
            "safetensors.torch.load_file safetensors.numpy.load_file datasets.load_from_disk xarray.open_dataset xarray.open_zarr "
            "xarray.load_dataset xarray.open_mfdataset xarray.open_dataarray linecache.getline duckdb.read_csv duckdb.read_parquet "
            "duckdb.read_json configparser.ConfigParser.read runpy.run_path "
            "scipy.io.loadmat scipy.io.wavfile.read librosa.load soundfile.read sf.read tarfile.is_tarfile zipfile.is_zipfile "
            "tensorflow.keras.models.load_model keras.models.load_model", (0, READ)),
    **_rows("soundfile.write", (0, WRITE)),
    **_rows("tempfile.mkdtemp tempfile.mkstemp"),
}  # fmt: skip

#: Functions that open a file with a mode, by whole or bare name: index of the mode's argument, and the default mode.
OPENERS: dict[str, tuple[int, str]] = {
    "open": (1, "r"), "io.open": (1, "r"), "codecs.open": (1, "r"), "gzip.open": (1, "r"), "bz2.open": (1, "r"),
    "lzma.open": (1, "r"), "bz2.BZ2File": (1, "r"), "gzip.GzipFile": (1, "r"), "lzma.LZMAFile": (1, "r"), "os.fdopen": (9, "r"),
    "zipfile.ZipFile": (1, "r"), "tarfile.open": (1, "r"), "tarfile.TarFile": (1, "r"), "h5py.File": (1, "r"), "netCDF4.Dataset": (1, "r"),
    "fsspec.open": (1, "r"), "smart_open.open": (1, "r"), "xopen.xopen": (1, "r"), "rasterio.open": (1, "r"), "zstandard.open": (1, "r"),
    "pandas.ExcelWriter": (9, "w"), "pandas.HDFStore": (1, "a"), "numpy.memmap": (2, "r+"), "zarr.open": (1, "a"),
    "zarr.open_group": (1, "a"), "shelve.open": (1, "c"), "dbm.open": (1, "r"), "aiofiles.open": (1, "r"), "wave.open": (1, "r"),
    "numpy.lib.format.open_memmap": (1, "r+"), "tables.open_file": (1, "r"), "pyarrow.OSFile": (1, "r"),
    "tensorflow.io.gfile.GFile": (1, "r"),
}  # fmt: skip

#: Methods by their names alone, on any receiver: only such whose name says it.
METHODS: dict[str, tuple[Place, ...]] = {
    **_rows("to_csv to_parquet to_pickle to_json to_excel to_feather to_hdf to_html to_latex to_markdown to_stata to_orc to_xml to_netcdf "
            "to_zarr savefig save_model save_weights save_pretrained write_parquet write_csv write_ipc write_json write_ndjson write_excel "
            "write_avro write_delta sink_parquet sink_csv sink_ipc sink_ndjson write_image write_html save_to_disk tofile to_file "
            "export_graphviz save_npz mkdir makedirs imwrite imsave savetxt savez savez_compressed export_model dump_model", (0, WRITE)),
    **_rows("write_text write_bytes touch unlink rmdir", (RECEIVER, WRITE)),
    **_rows("read_text read_bytes", (RECEIVER, READ)),
    **_rows("exists is_file is_dir iterdir rglob stat", (RECEIVER, LOOK)),
    **_rows("read_csv read_table read_parquet read_pickle read_json read_excel read_feather read_hdf read_html read_stata read_orc read_xml "
            "read_fwf read_sas read_spss read_ipc read_avro read_ndjson scan_csv scan_parquet scan_ipc scan_ndjson imread load_model "
            "load_weights loadtxt genfromtxt fromfile from_file read_file load_from_disk read_gml read_graphml read_edgelist read_adjlist "
            "read_gexf read_gpickle", (0, READ)),
    **_rows("extractall", (0, WRITE)),
    **_rows("extract", (1, WRITE)),
    **_rows("to_sql", (1, UPDATE)),
    **_rows("read_sql read_sql_query read_sql_table", (1, LOOK)),
}  # fmt: skip

#: Methods whose name may mean something else: they count when their argument is known to be a text, or the receiver a path.
SUGGESTIVE: dict[str, tuple[Place, ...]] = {
    **_rows("save save_file dump write_file imsave", (0, WRITE), (1, WRITE)),
    **_rows("load load_file memmap", (0, READ)),
    **_rows("rename replace", (RECEIVER, UPDATE), (0, WRITE)),
    **_rows("glob", (RECEIVER, LOOK)),
}  # fmt: skip

#: Keyword arguments that hand over a path.
PATH_KEYWORDS = frozenset(
    "path path_or_buf path_or_buffer filepath_or_buffer filepath fname file filename name fp f dst dest destination output out_file "
    "output_file excel_writer io where directory dirname database save_directory dataset_path root_path target store con "
    "data_files path_to_file outfile out src source".split()
)
TO_KEYWORDS = frozenset("dst dest destination target output out_file output_file outfile out".split())

#: Without an argument these use the working folder.
WORKING_FOLDER = frozenset("os.listdir os.scandir os.walk extractall extract".split())

#: Calls that run a command.
RUNNERS = frozenset(
    "os.system os.popen subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen "
    "subprocess.getoutput subprocess.getstatusoutput".split()
)
CONNECTIONS = ("sqlite3.connect", "duckdb.connect", "sqlalchemy.create_engine", "sqlalchemy.engine.create_engine")

#: Functions that take a connection in the place of a path: they count where its file is known.
ON_CONNECTIONS = frozenset("to_sql read_sql read_sql_query read_sql_table".split())
#: Endings that a function adds to a path without one.
ENDINGS = {
    "numpy.save": ".npy", "numpy.savez": ".npz", "numpy.savez_compressed": ".npz", "shutil.make_archive": ".*",
    "scipy.io.savemat": ".mat", "scipy.sparse.save_npz": ".npz",
}  # fmt: skip
