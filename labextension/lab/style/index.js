import '@kfnb/core/style/graph.css';
import './all-runs.css';
import './base.css';
