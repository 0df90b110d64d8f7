import '@kfnb/core/style/graph.css';
import './base.css';
import './unmarked.css';
import './submit.css';
