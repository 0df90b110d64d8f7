import '@kfnb/core/style/graph.css';
import '@kfnb/core/style/log.css';
import '@kfnb/core/style/timing.css';
import './base.css';
import './unmarked.css';
import './submit.css';
import './run-page.css';
import './schedules.css';
