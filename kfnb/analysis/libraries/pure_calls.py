"""A table of pure library calls: they are cheap and have no effect, so each step may repeat them and gets an equal value."""

from __future__ import annotations

from kfnb.analysis.libraries.effect_tables import word_set

#: Builtins that may be called again. Builtins that use an identity, a hash, input or a file are not among them.
BUILTINS = word_set("""
    abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float format frozenset getattr
    hasattr hex int isinstance issubclass len list map max memoryview min oct ord pow property range repr reversed round set slice
    sorted str sum tuple type zip print Exception ValueError TypeError KeyError RuntimeError NotImplementedError ImportError
    EnvironmentError OSError AssertionError FileNotFoundError AttributeError
""")

#: Parts of libraries whose calls are cheap, unless a table below names them.
PREFIXES = (
    "re.", "math.", "cmath.", "string.", "textwrap.", "operator.", "itertools.", "functools.", "collections.", "datetime.", "decimal.",
    "fractions.", "statistics.", "enum.", "typing.", "typing_extensions.", "types.", "dataclasses.", "pathlib.", "os.path.", "platform.",
    "json.loads", "json.dumps", "argparse.", "copy.", "base64.", "hashlib.", "struct.", "urllib.parse.", "zoneinfo.", "calendar.",
    "uuid.UUID", "uuid.uuid3", "uuid.uuid5", "contextlib.", "abc.", "numbers.", "ast.literal_eval", "shlex.", "fnmatch.", "bisect.",
    "heapq.", "array.", "unicodedata.", "html.", "ipaddress.", "http.HTTPStatus", "importlib.metadata.", "importlib.util.find_spec",
    "os.getenv", "os.environ.get", "os.environ.copy", "os.cpu_count", "os.getcwd", "os.fspath", "os.environ.setdefault", "sys.getsizeof",
    "sys.getrecursionlimit", "sys.version", "sys.maxsize", "sys.platform", "shutil.which", "threading.Lock", "threading.RLock", "threading.Event",
    "threading.Semaphore", "multiprocessing.cpu_count", "logging.getLogger", "logging.Formatter", "logging.StreamHandler",
    "logging.NullHandler", "logging.getLevelName", "logging.captureWarnings", "logging.addLevelName", "random.Random", "locale.getlocale",
    "warnings.", "getpass.getuser", "socket.gethostname", "colorsys.", "difflib.", "ctypes.c_", "secrets.compare_digest", "io.StringIO", "io.BytesIO", "kfnb.",
    "numpy.", "pandas.Timestamp", "pandas.Timedelta", "pandas.date_range", "pandas.bdate_range", "pandas.timedelta_range",
    "pandas.period_range", "pandas.Period", "pandas.Interval", "pandas.interval_range", "pandas.DataFrame", "pandas.Series",
    "pandas.Categorical", "pandas.CategoricalDtype", "pandas.Index", "pandas.MultiIndex.", "pandas.to_datetime", "pandas.to_timedelta",
    "pandas.to_numeric", "pandas.concat", "pandas.cut", "pandas.DateOffset", "pandas.offsets.", "pandas.tseries.", "pandas.isna",
    "pandas.get_option", "polars.DataFrame", "polars.Series", "polars.col", "polars.lit", "polars.Config", "polars.Enum",
    "torch.device", "torch.tensor", "torch.zeros", "torch.ones", "torch.arange", "torch.linspace", "torch.eye", "torch.cuda.is_available",
    "torch.cuda.device_count", "torch.backends.", "torch.get_default_dtype", "torch.Size", "torch.Generator", "torch.finfo",
    "torch.get_num_threads", "tensorflow.config.", "tensorflow.constant", "jax.random.PRNGKey", "jax.random.key", "jax.numpy.", "jax.devices",
    "sympy.symbols", "sympy.Symbol", "sympy.Function", "sympy.Rational", "sympy.Eq", "pytz.", "dateutil.", "yaml.safe_load", "yaml.dump",
    "matplotlib.colors.", "matplotlib.cm.", "matplotlib.pyplot.cm.", "matplotlib.pyplot.get_cmap", "matplotlib.colormaps", "matplotlib.ticker.",
    "seaborn.color_palette", "seaborn.light_palette", "seaborn.dark_palette", "seaborn.cubehelix_palette", "seaborn.husl_palette",
    "sqlalchemy.create_engine", "sqlalchemy.MetaData", "sqlalchemy.text", "sqlalchemy.engine.URL", "requests.Session", "requests.adapters.", "boto3.client",
    "boto3.resource", "boto3.Session", "boto3.session.Session", "omegaconf.OmegaConf.create", "box.Box", "munch.Munch", "easydict.EasyDict",
    "ml_collections.ConfigDict", "dotmap.DotMap", "addict.Dict", "attr.", "attrs.", "pydantic.", "pint.UnitRegistry", "rich.console.Console",
    "configparser.", "email.message.", "email.mime.", "string.Template", "xml.etree.ElementTree.Element", "xml.etree.ElementTree.SubElement",
    "json.JSONEncoder", "json.JSONDecoder", "jinja2.Environment", "jinja2.DictLoader", "jinja2.BaseLoader", "jinja2.Template", "contextvars.",
    "scipy.constants.", "scipy.stats.norm", "packaging.version.", "cycler.", "plotly.colors.", "networkx.Graph", "networkx.DiGraph",
)  # fmt: skip

#: The calls of these parts that use files, are slow, or read how the process was started.
NOT_CHEAP = (
    "numpy.random.", "numpy.load", "numpy.save", "numpy.genfromtxt", "numpy.fromfile", "numpy.memmap", "numpy.lib.npyio", "numpy.fromregex",
    "os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.getsize", "os.path.getmtime", "os.path.getctime", "os.path.getatime",
    "os.path.samefile", "os.path.lexists", "os.path.islink", "argparse.ArgumentParser.parse", "argparse.FileType",
    "hashlib.pbkdf2_hmac", "hashlib.scrypt", "hashlib.file_digest", "io.open", "contextlib.redirect",
    "numpy.linalg.", "pathlib.Path.read", "pathlib.Path.write", "pathlib.Path.exists", "pathlib.Path.glob",
)  # fmt: skip
#: Random generators of their own: cheap calls if they have a seed.
OWN_GENERATORS = ("numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.SeedSequence", "random.Random")

#: Calls that return another value each time.
NONDETERMINISTIC = word_set("""
    time.time time.time_ns time.perf_counter time.perf_counter_ns time.monotonic time.process_time time.ctime time.localtime time.gmtime time.strftime time.asctime
    datetime.datetime.now datetime.datetime.today datetime.datetime.utcnow datetime.date.today pandas.Timestamp.now pandas.Timestamp.today
    pandas.Timestamp.utcnow uuid.uuid1 uuid.uuid4 os.urandom os.getpid os.getppid os.times secrets.token_hex secrets.token_bytes secrets.token_urlsafe
    secrets.choice secrets.randbelow secrets.randbits tempfile.mkdtemp tempfile.mkstemp tempfile.mktemp tempfile.TemporaryDirectory
    tempfile.NamedTemporaryFile numpy.random.rand numpy.random.randn numpy.random.randint numpy.random.random
    numpy.random.normal numpy.random.uniform numpy.random.choice numpy.random.permutation numpy.random.shuffle random.random random.randint
    random.choice random.choices random.sample random.shuffle random.uniform random.gauss random.randrange random.getrandbits torch.rand
    torch.randn torch.randint torch.randperm threading.get_ident numpy.empty torch.empty
""")
#: Calls that are cheap whatever value of a step is their argument.
PASSING = word_set(
    "Path PurePath join joinpath dict list set tuple frozenset range int float str bool len component component_from_command"
)
NONDETERMINISTIC_BUILTINS = word_set("id hash object input")
NOW = ("now", "today")  #: texts that pandas and numpy read as the present

#: Methods of plain values: texts, numbers, containers, dates, paths, small arrays and tables, loggers, parsers.
METHODS = word_set("""
    capitalize removeprefix removesuffix isidentifier istitle swapcase title expandtabs format_map maketrans fromkeys fromisoformat strptime
    fromtimestamp fromordinal timestamp time astimezone replace utctimetuple isocalendar localize normalize with_suffix with_name with_stem
    joinpath absolute expanduser as_posix relative_to is_absolute setLevel addHandler removeHandler setFormatter addFilter getChild
    add_argument add_mutually_exclusive_group add_argument_group add_subparsers add_parser set_defaults appendleft extendleft append extend insert pop remove clear sort reverse update add
    discard setdefault popitem rotate move_to_end subtract elements total most_common intersection_update difference_update copy
    get items keys values index count manual_seed hexdigest digest from_product from_tuples from_arrays quantize limit_denominator
    reshape ravel view transpose squeeze swapaxes tolist astype as_dict model_dump model_copy dict union to_dict _replace _asdict
    with_name isoformat weekday isoweekday toordinal bit_count conjugate hex register_module cache_clear set_index home cwd
    config mount headers from_string
""")
#: Methods of the analysis' pure ones that a step may not repeat lightly.
SLOW_METHODS = word_set("""
    read_text write_text read_bytes write_bytes exists is_file is_dir glob iterdir resolve_all sample rvs plot boxplot hist to_csv to_parquet
    to_pickle to_json to_excel to_feather to_hdf to_html to_latex query evaluate predict predict_proba predict_log_proba score transform
    inverse_transform kneighbors pipe trace fit set_params train eval compile partial_fit cursor axes subplots gca add_subplot iterrows itertuples
    apply applymap transform decision_function corr melt
""")

#: Library calls that set something up once per process.
SETTINGS = word_set("""
    dotenv.load_dotenv os.makedirs os.chdir logging.basicConfig logging.disable sys.setrecursionlimit warnings.filterwarnings
    warnings.simplefilter gc.disable gc.collect faulthandler.enable locale.setlocale sys.path.append sys.path.insert sys.path.extend
    os.environ.update os.environ.setdefault os.environ.pop matplotlib.use matplotlib.rc matplotlib.pyplot.rc matplotlib.pyplot.ion matplotlib.pyplot.ioff tqdm.tqdm.pandas
    tqdm.pandas torch.set_default_dtype torch.set_num_threads torch.set_printoptions torch.set_grad_enabled torch.use_deterministic_algorithms
    nest_asyncio.apply np.seterr numpy.seterr numpy.set_printoptions IPython.display.set_matplotlib_formats
    sklearn.set_config pandas.set_option pandas.plotting.register_matplotlib_converters seaborn.set jax.config.update
    tensorflow.get_logger urllib3.disable_warnings requests.packages.urllib3.disable_warnings
""")

#: Cheap context managers that undo their settings at their end.
CONTEXTS = word_set("""
    contextlib.redirect_stdout contextlib.redirect_stderr contextlib.suppress contextlib.nullcontext warnings.catch_warnings
    decimal.localcontext numpy.errstate numpy.printoptions pandas.option_context matplotlib.pyplot.rc_context matplotlib.rc_context
    torch.no_grad torch.inference_mode
""")
#: Last words of library calls that run a function or program of unknown duration.
RUNNING = word_set("""
    run run_until_complete main map starmap apply submit minimize optimize fit train timeit repeat profile execute launch serve
    start sweep interact compute evaluate test wait gather process
""")

#: Base classes whose instances are cheap to create.
BASES = word_set("""
    object Enum IntEnum StrEnum Flag IntFlag NamedTuple TypedDict Protocol ABC Generic BaseModel BaseSettings Exception ValueError RuntimeError
    KeyError TypeError dict list str int float tuple set UserDict UserList SimpleNamespace Mapping MutableMapping
    OrderedDict defaultdict Counter JSONEncoder Formatter Filter Handler StreamHandler NullHandler BaseEstimator TransformerMixin ClassifierMixin RegressorMixin
""")
#: Calls whose arguments say how large the result is.
SIZED = word_set(
    "range arange zeros ones full linspace eye identity logspace geomspace date_range repeat tile product bytes bytearray"
)
LARGE = 1_000_000
