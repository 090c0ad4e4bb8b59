export type LambdaFunction = {
  readonly name: string;
  readonly region: string;
  readonly memoryLimitMb: number;
  readonly bundleDirectory: string;
};

/** The variables that Lambda itself sets, and those that were given; nothing of the parent's own. */
export function lambdaEnvironment(
  lambda: LambdaFunction,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    AWS_REGION: lambda.region,
    AWS_DEFAULT_REGION: lambda.region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: lambda.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(lambda.memoryLimitMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${lambda.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'local',
    LAMBDA_TASK_ROOT: lambda.bundleDirectory,
    _HANDLER: 'index.handler',
    LANG: 'en_US.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    TZ: ':UTC',
    ...given,
  };
}
