/** `fine`: it can be worked with, and deployed to. `busy`: wait. `stuck`: no deployment can mend it. */
export type StackCondition = 'fine' | 'busy' | 'broken' | 'stuck';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
export function stackCondition(status: string): StackCondition {
  switch (status) {
    case 'CREATE_COMPLETE':
    case 'UPDATE_COMPLETE':
    case 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS':
    case 'UPDATE_ROLLBACK_COMPLETE':
    case 'IMPORT_COMPLETE':
      return 'fine';
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
    case 'CREATE_FAILED':
    case 'DELETE_FAILED':
      return 'stuck';
    default:
      return status.endsWith('_IN_PROGRESS') ? 'busy' : 'broken';
  }
}
