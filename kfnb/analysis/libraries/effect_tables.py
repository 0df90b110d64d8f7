"""Tables of the effects of library calls: which change their arguments, return views, or set up a library.

Names are bare (``append``) where the receiver's type cannot be known, dotted (``random.seed``) where the import says it.
"""

from __future__ import annotations

import re


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Builtins that neither change nor keep their arguments.
PURE_BUILTINS = word_set("""
    abs all any ascii bin bool bytes callable chr complex dict dir display divmod enumerate filter float format frozenset
    getattr hasattr hash help hex id int isinstance issubclass iter len list map max memoryview min object oct ord pow print
    property range repr reversed round set slice sorted str sum super tuple type vars zip
""")

#: Methods that change their receiver.
MUTATORS = word_set("""
    append extend insert pop remove clear sort reverse update add discard setdefault popitem appendleft popleft extendleft
    rotate fill put itemset resize setflags byteswap fit fit_transform fit_predict partial_fit set_params train eval zero_grad
    step backward load_state_dict compile add_node add_nodes_from add_edge add_edges_from remove_node remove_edge write
    writelines close seek read readline readlines send throw execute executemany commit shuffle seed intersection_update
    difference_update symmetric_difference_update move_to_end subtract add_module register_buffer __setitem__ __delitem__
""")

#: Methods that leave their receiver and arguments as they were.
PURE_METHODS = word_set("""
    abs add agg aggregate all any apply applymap argmax argmin argsort asfreq assign astype at average between bfill bit_length
    boxplot cast casefold clip columns combine compress conj conf_int copy corr corrwith count cov cross cummax cumcount cumprod
    cumsum cut cdf date decision_function decode deepcopy degree describe diagonal diff difference div dot drop
    drop_duplicates dropna dt duplicated edges encode endswith eq evaluate ewm expanding expandtabs explode factor ffill
    fillna filter find findall first flatten floordiv format from_dict ge get get_feature_names_out get_params groupby gt head
    hist history iat idxmax idxmin iloc index infer_objects info insert_text interpolate intersection inverse_transform isalnum
    isalpha isdigit isdisjoint isin islower isna isnull isoformat isspace issubset issuperset istitle isupper items iterrows
    itertuples join keys kurt last le ljust loc logpdf lower lstrip lt mask match max mean median melt memory_usage merge min mod mode
    most_common mul ne neighbors nlargest nodes nonzero notna notnull nsmallest nunique partition pct_change pdf pipe pivot
    pivot_table plot pmf pow ppf predecessors predict predict_log_proba predict_proba prod product ptp quantile query rank ravel
    reindex rename replace repeat resample reset_index reshape rfind rindex rjust rolling round rpartition rsplit rstrip rvs
    sample scatter score searchsorted select_dtypes sem set_index sf shift simplify size skew sort_index sort_values split
    splitlines squeeze stack startswith std strftime strip sub subs successors sum summary swapaxes swapcase symmetric_difference
    tail take timetuple title to_csv to_dict to_excel to_feather to_frame to_html to_json to_latex to_list to_markdown to_numpy
    to_parquet to_period to_pickle to_string to_timestamp tobytes tolist trace transform translate transpose truediv
    tz_convert union unique unstack upper value_counts values var view weekday where xs zfill total_seconds as_integer_ratio
    read_text write_text read_bytes write_bytes exists is_file is_dir glob iterdir resolve with_suffix group groups span
""")

#: Methods whose result may share memory or objects with the receiver.
VIEW_METHODS = word_set("""
    reshape ravel view transpose squeeze swapaxes get setdefault groupby rolling resample fit set_params gca add_subplot
    get_group values items keys children modules parameters named_parameters state_dict iterrows itertuples pop popleft popitem
    __enter__ cursor axes flat train eval compile nodes edges subplots union __iter__ diagonal partial_fit pipe
""")

#: Functions whose result may hold or view their arguments.
VIEW_FUNCTIONS = word_set("""
    asarray asanyarray ascontiguousarray reshape ravel squeeze atleast_1d atleast_2d broadcast_to iter zip enumerate reversed
    map filter next transpose chain cycle islice getattr list tuple dict set sorted partial deque defaultdict OrderedDict
    SimpleNamespace redirect_stdout redirect_stderr memoryview diagonal swapaxes make_pipeline make_column_transformer from_numpy
""")

#: Library functions that change what they are given.
CHANGING_FUNCTIONS = word_set("""
    shuffle heappush heappop heapify heapreplace heappushpop copyto put place put_along_axis fill_diagonal putmask insort
    insort_left insort_right setattr delattr next dump train fit
""")

#: What makes a stream: whoever is handed one may write to it or read on.
STREAMS = word_set("""
    io.StringIO io.BytesIO io.TextIOWrapper io.BufferedReader io.BufferedWriter tempfile.SpooledTemporaryFile queue.Queue
    queue.SimpleQueue queue.LifoQueue queue.PriorityQueue asyncio.Queue multiprocessing.Queue
""")

#: Keyword arguments through which library functions change notebook objects.
CHANGED_KEYWORDS = word_set("ax axes fig model optimizer rng random_state generator callbacks out")

#: Calls whose text argument names variables: identifiers in it are read.
TEXT_CALLS = word_set("""
    query eval sql execute ols glm logit probit poisson mixedlm gls wls rlm quantreg from_formula dmatrices dmatrix
    negativebinomial phreg gee read_sql
""")

#: Builtins that see every name.
OPAQUE_CALLS = word_set("globals locals exec eval vars")

#: Library calls that look for every function and class of ``__main__``.
DEFINITION_READERS = word_set("""
    unittest.main unittest.TestProgram typing.get_type_hints inspect.get_annotations dataclasses.make_dataclass
""")

#: Library calls that look for the classes of ``__main__`` that their data names.
CLASS_READERS = word_set("""
    pickle.load pickle.loads pickle.Unpickler joblib.load dill.load dill.loads cloudpickle.load cloudpickle.loads shelve.open
    pandas.read_pickle torch.load
""")

#: Library calls that look at every name of ``__main__``.
MAIN_READERS = word_set("doctest.testmod doctest.DocTestFinder doctest.testsource doctest.run_docstring_examples")

#: Ambient kinds that every later step may use without naming them.
USED_BY_ALL = (
    "@environ",
    "@cwd",
    "@path",
    "@warnings",
    "@matplotlib",
    "@pandas",
    "@numpy",
    "@decimal",
    "@locale",
    "@logging",
)

#: Calls that set ambient state: dotted name to kind. A trailing ``*`` stands for any ending.
AMBIENT_WRITES: dict[str, str] = {
    "random.seed": "@random", "random.setstate": "@random",
    "numpy.random.seed": "@numpy.random", "numpy.random.set_state": "@numpy.random",
    "torch.manual_seed": "@torch.random", "torch.random.manual_seed": "@torch.random",
    "os.chdir": "@cwd",
    "os.putenv": "@environ", "os.unsetenv": "@environ", "os.environ.*": "@environ", "dotenv.load_dotenv": "@environ",
    "sys.path.*": "@path",
    "warnings.filterwarnings": "@warnings", "warnings.simplefilter": "@warnings", "warnings.resetwarnings": "@warnings",
    "pandas.set_option": "@pandas", "pandas.reset_option": "@pandas", "pandas.options.*": "@pandas",
    "numpy.set_printoptions": "@numpy", "numpy.seterr": "@numpy",
    "matplotlib.pyplot.style.use": "@matplotlib", "matplotlib.style.use": "@matplotlib", "matplotlib.rc": "@matplotlib",
    "matplotlib.pyplot.rc": "@matplotlib", "matplotlib.pyplot.rcParams.*": "@matplotlib",
    "matplotlib.rcParams.*": "@matplotlib", "matplotlib.rcdefaults": "@matplotlib",
    "seaborn.set": "@matplotlib", "seaborn.set_theme": "@matplotlib", "seaborn.set_style": "@matplotlib",
    "seaborn.set_context": "@matplotlib", "seaborn.set_palette": "@matplotlib",
    "locale.setlocale": "@locale", "decimal.setcontext": "@decimal", "decimal.getcontext().*": "@decimal",
}  # fmt: skip

#: Statements of these calls are run again in every later step when they need only imports and literals.
SETUP_CALLS = word_set("""
    logging.basicConfig logging.disable sys.setrecursionlimit tqdm.pandas tqdm.auto.tqdm.pandas tqdm.notebook.tqdm.pandas
    tqdm.tqdm.pandas pandas.plotting.register_matplotlib_converters plotly.offline.init_notebook_mode
    matplotlib.use faulthandler.enable gc.disable mimetypes.init sympy.init_printing
    sklearn.set_config altair.data_transformers.enable
""")

#: Members of the random modules that do not touch the global generator.
RANDOM_OWN = word_set("""
    Random SystemRandom getstate get_state default_rng Generator RandomState SeedSequence PCG64 PCG64DXSM MT19937 Philox SFC64
    BitGenerator
""")

#: Keywords that give a call its own generator.
SEED_KEYWORDS = word_set("random_state seed rng random_seed generator")

#: Library calls whose result changes with every method: figures, generators of one's own, connections.
STATEFUL_MAKERS = (
    "matplotlib.", "random.Random", "numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.Generator",
    "torch.Generator", "plotly.", "bokeh.",
)  # fmt: skip

#: Calls on ambient state that only read it.
READING = word_set(
    "os.environ.get os.environ.items os.environ.keys os.environ.values os.environ.copy sys.path.index sys.path.copy"
)

#: Libraries whose import does nothing that a later step could miss, unless it is named in a submodule below.
IMPORTS_WITHOUT_EFFECT = word_set("""
    numpy pandas matplotlib scipy sklearn seaborn requests yaml tqdm IPython PIL cv2 torch tensorflow keras statsmodels
    networkx joblib xgboost lightgbm polars pyarrow plotly bs4 boto3 kfp kfnb
""")
SUBMODULES_WITH_IMPORT_EFFECT = ("experimental", "mplot3d", "converters", "mpl_toolkits")

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
