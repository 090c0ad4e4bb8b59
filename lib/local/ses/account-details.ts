/** What the owner told of the account by PutAccountDetails. */
export interface AccountDetails {
  readonly mailType: 'MARKETING' | 'TRANSACTIONAL';
  readonly websiteUrl: string;
  readonly contactLanguage?: 'EN' | 'JA';
  readonly useCaseDescription?: string;
  readonly additionalContactEmailAddresses?: readonly string[];
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ReviewDetails.html */
export interface AccountReview {
  /** `FAILED` is a request that AWS lost: alone of all it may be made again. */
  readonly status: 'PENDING' | 'GRANTED' | 'DENIED' | 'FAILED';
  /** Of AWS's support. */
  readonly caseId?: string;
}
