import '@kfnb/core/style/graph.css';
import '@kfnb/core/style/log.css';
import './base.css';
