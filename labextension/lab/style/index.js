import '@kfnb/core/style/graph.css';
import './base.css';
import './schedules.css';
